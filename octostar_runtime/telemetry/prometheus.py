"""The fleet in OpenMetrics text, from the one frozen snapshot and a few running totals.

Labels are states, pools, names of functions and node ids, never ids of sessions, users or runs; the number of names
is bounded, what is beyond goes under ``other``.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from octostar_runtime import __version__
from octostar_runtime.models.durations import BUCKETS_S, Durations
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunState
from octostar_runtime.models.services import ServiceState
from octostar_runtime.models.sessions import SessionState
from octostar_runtime.telemetry.run_totals import RunTotals, RunTotalsView
from octostar_runtime.telemetry.session_totals import SessionTotals, SessionTotalsView

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: Everything of a snapshot becomes metrics here; one function per noun.
Part = Callable[[FleetSnapshot], Iterable[Metric]]
Values = Iterable[tuple[Sequence[str], float]]
#: Totals of the idle controller: (metric, help, value by service).
ServiceTotals = Callable[[], Sequence[tuple[str, str, Counter[str]]]]
#: How long a service's starts and stops took: (metric, help, histogram by service).
ServiceTimes = Callable[[], Sequence[tuple[str, str, Mapping[str, Durations]]]]
#: Single values of the process itself: (metric, help, value).
Gauges = Callable[[], Sequence[tuple[str, str, float]]]


class Metrics(Collector):
    """Renders the metrics; :meth:`render` may be called from any thread."""

    def __init__(
        self,
        snapshot: Callable[[], FleetSnapshot],
        runs: RunTotals,
        sessions: SessionTotals,
        service_totals: ServiceTotals = lambda: (),
        service_times: ServiceTimes = lambda: (),
        gauges: Gauges = lambda: (),
    ) -> None:
        self._snapshot = snapshot
        self._runs = runs
        self._sessions = sessions
        self._service_totals = service_totals
        self._service_times = service_times
        self._gauges = gauges
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """Return the OpenMetrics text of this moment."""
        text: bytes = generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return text

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: describing by collecting would need a started runtime."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        snapshot = self._snapshot()
        yield InfoMetricFamily("octostar_build", "Version of the runtime", value={"version": __version__})
        for part in (_nodes, _processes, _sessions, _streamlit, _runs, _pools, _services, _host, _store):
            yield from part(snapshot)
        yield from _run_totals(self._runs.read())
        yield from _session_totals(self._sessions.read())
        for name, text, by_service in self._service_totals():
            yield _counter(f"service_{name}", text, _keyed(by_service), ["service"])
        for name, text, times in self._service_times():
            yield _histogram(f"service_{name}", text, _by(times), ["service"])
        for name, text, now in self._gauges():
            yield _gauge(name, text, [((), now)])


def _gauge(name: str, text: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(f"octostar_{name}", text, labels=list(labels))
    for label_values, value in values:
        family.add_metric(list(label_values), value)
    return family


def _nodes(snapshot: FleetSnapshot) -> Iterator[Metric]:
    states = Counter((node.kind, node.state.value) for node in snapshot.nodes)
    yield _gauge("nodes", "Nodes by kind and state", ((k, n) for k, n in states.items()), ["kind", "state"])


def _sessions(snapshot: FleetSnapshot) -> Iterator[Metric]:
    counted = Counter((s.state.value, "true" if s.observer else "false") for s in snapshot.sessions)
    keys = [(state.value, observer) for state in SessionState for observer in ("false", "true")]
    values = ((key, counted.get(key, 0)) for key in keys)
    yield _gauge("sessions", "Sessions by state; observers are operators who only watch", values, ["state", "observer"])
    yield _gauge("people_connected", "Connected sessions that are not observers", [((), snapshot.people)])


def _runs(snapshot: FleetSnapshot) -> Iterator[Metric]:
    counts = {str(getattr(state, "value", state)): number for state, number in snapshot.counts.items()}
    values = (((state.value,), counts.get(state.value, 0)) for state in RunState)
    yield _gauge("runs_retained", "Runs that are kept, by state", values, ["state"])
    yield _gauge("runs_failed_last_hour", "Runs that failed in the last hour", [((), snapshot.failed_last_hour)])
    yield _gauge("runs_oldest_wait_seconds", "Longest wait in a queue now", [((), snapshot.oldest_wait_s or 0.0)])


def _pools(snapshot: FleetSnapshot) -> Iterator[Metric]:
    pools = [((pool.node_id, pool.name), pool) for pool in snapshot.pools]
    labels = ["node", "pool"]
    yield _gauge("pool_workers", "Workers of the pool", ((key, pool.size) for key, pool in pools), labels)
    yield _gauge("pool_busy_workers", "Workers at work", ((key, pool.busy) for key, pool in pools), labels)
    yield _gauge("pool_queued_runs", "Runs that wait", ((key, pool.queued) for key, pool in pools), labels)
    yield _gauge("pool_stuck_workers", "Workers that do not heed a cancel", ((k, p.stuck) for k, p in pools), labels)
    yield _gauge("pool_utilisation_ratio", "Busy share, 5 minutes", ((k, p.busy_5m) for k, p in pools), labels)
    rejected = CounterMetricFamily("octostar_pool_rejected_runs", "Runs refused by a full queue", labels=labels)
    for key, pool in pools:
        rejected.add_metric(list(key), pool.rejected)
    yield rejected


def _services(snapshot: FleetSnapshot) -> Iterator[Metric]:
    found = [((service.name, service.node_id), service) for service in snapshot.services]
    labels = ["service", "node"]
    values = (
        ((*key, state.value), 1.0 if service.state.value == state.value else 0.0)
        for key, service in found
        for state in ServiceState
    )
    yield _gauge("service_state", "1 for the state a service is in", values, [*labels, "state"])
    blocked = ((key, len(service.blockers)) for key, service in found)
    yield _gauge("service_blockers", "What keeps a service up", blocked, labels)
    stops = ((key, service.stops_at) for key, service in found if service.stops_at is not None)
    yield _gauge("service_stop_timestamp_seconds", "When a service is going to stop", stops, labels)
    yield _gauge("policy_version", "Version of the idle policy", [((), snapshot.policy_version)])
    yield InfoMetricFamily(
        "octostar_policy", "Mode of the idle policy", value={"mode": snapshot.policy_mode or "unknown"}
    )


def _host(snapshot: FleetSnapshot) -> Iterator[Metric]:
    sample = snapshot.host
    if sample is None:
        return
    scope = [((sample.scope,), sample)]
    yield _gauge("cpu_ratio", "CPU in use", ((k, s.cpu_percent / 100) for k, s in scope), ["scope"])
    yield _gauge("memory_used_bytes", "Memory in use", ((k, s.memory_used) for k, s in scope), ["scope"])
    yield _gauge("memory_limit_bytes", "Memory there is", ((k, s.memory_limit) for k, s in scope), ["scope"])
    yield _gauge("process_memory_bytes", "Resident memory of this process", [((), sample.process_memory)])
    yield _gauge("process_cpu_ratio", "CPU of this process", [((), sample.process_cpu_percent / 100)])


def _store(snapshot: FleetSnapshot) -> Iterator[Metric]:
    health = snapshot.store
    if health is None:
        return
    yield _gauge("store_up", "1 while the store can be reached", [((), 1.0 if health.ok else 0.0)])
    yield _gauge("store_buffered_changes", "Changes that wait for the store", [((), health.buffered)])
    yield _gauge("store_lag_seconds", "Age of the oldest of them", [((), health.lag_s)])
    dropped = CounterMetricFamily("octostar_store_dropped_changes", "Changes dropped while the store was away")
    dropped.add_metric([], health.dropped)
    yield dropped


def _processes(snapshot: FleetSnapshot) -> Iterator[Metric]:
    """CPU and memory of every process of the fleet, as each last said."""
    labels = ["node", "kind"]
    cpu: list[tuple[Sequence[str], float]] = []
    memory: list[tuple[Sequence[str], float]] = []
    for node in snapshot.nodes:
        if node.state.value in ("lost", "stopped"):
            continue
        key, meta = (node.node_id, node.kind), node.meta
        own = snapshot.host if node.node_id == snapshot.node_id else None
        percent = own.process_cpu_percent if own is not None else meta.get("cpu_percent")
        used = own.process_memory if own is not None else meta.get("memory")
        if isinstance(percent, int | float):
            cpu.append((key, percent / 100))
        if isinstance(used, int | float):
            memory.append((key, used))
    yield _gauge("node_cpu_ratio", "CPU of a process, of all cores it may use", cpu, labels)
    yield _gauge("node_memory_bytes", "Resident memory of a process", memory, labels)


def _streamlit(snapshot: FleetSnapshot) -> Iterator[Metric]:
    running = sum(1 for session in snapshot.sessions if session.running)
    yield _gauge("streamlit_scripts_running", "Sessions whose script runs now", [((), running)])


def _run_totals(totals: RunTotalsView) -> Iterator[Metric]:
    labels = ["pool", "name", "state"]
    yield _gauge("runs_live", "Runs that have not ended, among the newest", totals.live.items(), labels)
    yield _counter("runs_ended", "Runs that ended, seen by this process", totals.ended.items(), labels)
    yield _histogram("run_wait_seconds", "Time in the queue", _by(totals.waits), ["pool"])
    yield _histogram("run_duration_seconds", "Time from start to end", _by(totals.runs), ["pool"])


def _session_totals(totals: SessionTotalsView) -> Iterator[Metric]:
    yield _counter("sessions_started", "Sessions that started", [((), totals.started)])
    yield _counter("sessions_ended", "Sessions that ended", _keyed(totals.ended), ["reason"])
    yield _counter("session_reconnects", "Sessions that came back in time", [((), totals.reconnects)])
    yield _counter("streamlit_received_bytes", "Bytes that browsers sent", [((), totals.bytes_in)])
    yield _counter("streamlit_sent_bytes", "Bytes sent to browsers", [((), totals.bytes_out)])
    yield _histogram(
        "streamlit_script_seconds", "Time of script runs, of each session's newest a second", [((), totals.script_runs)]
    )
    yield _counter("callback_calls", "Session callbacks called", _keyed(totals.callback_calls), ["event"])
    yield _counter("callback_failures", "Session callbacks that raised", _keyed(totals.callback_failures), ["event"])
    missed = _keyed(totals.callback_dropped)
    yield _counter("callback_dropped_events", "Events that session callbacks never heard of", missed, ["event"])


def _keyed(counts: Mapping[str, float]) -> Values:
    return (((key,), number) for key, number in counts.items())


def _by(durations: Mapping[str, Durations]) -> Iterable[tuple[Sequence[str], Durations]]:
    return (((pool,), each) for pool, each in durations.items())


def _counter(name: str, text: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    family = CounterMetricFamily(f"octostar_{name}", text, labels=list(labels))
    for label_values, value in values:
        family.add_metric(list(label_values), value)
    return family


def _histogram(
    name: str, text: str, values: Iterable[tuple[Sequence[str], Durations]], labels: Sequence[str] = ()
) -> Metric:
    family = HistogramMetricFamily(f"octostar_{name}", text, labels=list(labels))
    for label_values, durations in values:
        total, buckets = 0, []
        for bound, number in zip((*map(str, BUCKETS_S), "+Inf"), durations.counts, strict=True):
            total += number
            buckets.append((bound, total))
        family.add_metric(list(label_values), buckets, durations.total_s)
    return family
