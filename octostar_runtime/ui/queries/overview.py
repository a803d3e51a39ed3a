"""The overview: figures, curves and what needs a look now."""

from collections.abc import Sequence
from dataclasses import dataclass

from octostar_runtime.models.fleet import FleetSnapshot, HostSample
from octostar_runtime.models.runs import EXECUTING, WAITING
from octostar_runtime.models.sessions import CallbackRecord
from octostar_runtime.ui import formats
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.words import Word

#: Seconds per point of the 15-minute curves: the chart stays the same, and costs nothing, in between.
BUCKET_S = 15
#: Seconds per point of the day's curves of tasks.
TASKS_STEP_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number on the overview and where it leads."""

    label: str
    value: str
    note: str
    href: str
    tone: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that needs a person's eye."""

    word: Word
    what: str
    why: str
    href: str
    at: float | None = None


def figures(snapshot: FleetSnapshot, links: Links) -> list[Figure]:
    """Return the tiles, in the order in which an operator asks."""
    counts = snapshot.counts
    running = sum(counts.get(state, 0) for state in EXECUTING)
    waiting = sum(counts.get(state, 0) for state in WAITING)
    size = sum(pool.size for pool in snapshot.pools)
    busy = sum(pool.busy for pool in snapshot.pools)
    healthy = sum(1 for node in snapshot.nodes if node.state.value in ("ok", "draining"))
    nodes = [node for node in snapshot.nodes if node.state.value != "stopped"]
    stuck = sum(1 for run in snapshot.runs if run.stuck and not run.terminal)
    wait = snapshot.oldest_wait_s
    return [
        Figure(
            label="People connected",
            value=formats.number(snapshot.people),
            note=f"and {formats.plural(snapshot.observers, 'operator')} watching" if snapshot.observers else "",
            href=links.to("sessions", who="people"),
        ),
        Figure(
            label="Tasks running",
            value=formats.number(running),
            note=f"{stuck} stuck" if stuck else "",
            href=links.to("tasks", state="running"),
            tone="warn" if stuck else "",
        ),
        Figure(label="Tasks queued", value=formats.number(waiting), note="", href=links.to("tasks", state="queued")),
        Figure(
            label="Failed in the last hour",
            value=formats.number(snapshot.failed_last_hour),
            note="",
            href=links.to("tasks", state="failed", sort="-ended_at"),  # also what was queued long before it failed
            tone="bad" if snapshot.failed_last_hour else "",
        ),
        Figure(
            label="Oldest wait",
            value=formats.duration(wait) if wait is not None else "none",
            note="in the queue" if wait is not None else "nothing waits",
            href=links.to("tasks", state="queued", sort="queued_at"),
        ),
        Figure(
            label="Pool use",
            value=formats.percent(busy / size) if size else "—",
            note=f"{busy} of {formats.plural(size, 'worker')} busy",
            href=links.to("pool"),
            share=busy / size if size else None,
        ),
        Figure(
            label="Nodes",
            value=f"{healthy} of {len(nodes)}",
            note="healthy",
            href=links.to("nodes"),
            tone="bad" if healthy < len(nodes) else "",
        ),
        *_host_figures(snapshot.host, links),
        _services_figure(snapshot, links),
    ]


def _services_figure(snapshot: FleetSnapshot, links: Links) -> Figure:
    up = sum(1 for service in snapshot.services if service.state.value in ("ready", "idle", "warned", "draining"))
    failed = sum(1 for service in snapshot.services if service.state.value == "failed")
    soon = sum(1 for service in snapshot.services if service.state.value in ("idle", "warned"))
    return Figure(
        label="Services up",
        value=f"{up} of {len(snapshot.services)}" if snapshot.services else "—",
        note=f"{failed} failed" if failed else f"{soon} will stop soon" if soon else "",
        href=links.to("idle"),
        tone="bad" if failed else "",
    )


def _host_figures(host: HostSample | None, links: Links) -> list[Figure]:
    if host is None:
        return []
    where = "of the container" if host.scope == "container" else "of the machine"
    share = host.memory_used / host.memory_limit if host.memory_limit else None
    return [
        Figure(
            label="CPU",
            value=f"{host.cpu_percent:.0f} %",
            note=where,
            href=links.to("system"),
            share=host.cpu_percent / 100,
        ),
        Figure(
            label="Memory",
            value=formats.size(host.memory_used),
            note=f"of {formats.size(host.memory_limit)}, {where.removeprefix('of the ')}",
            href=links.to("system"),
            share=share,
        ),
    ]


def bucketed(history: Sequence[HostSample], seconds: float = BUCKET_S) -> list[HostSample]:
    """Return the last sample of each stretch of ``seconds``, aligned to the clock, without the unfinished one."""
    kept: dict[int, HostSample] = {}
    for sample in history:
        kept[int(sample.at // seconds)] = sample
    buckets = sorted(kept)
    return [kept[bucket] for bucket in (buckets[:-1] if len(buckets) > 2 else buckets)]


def whole_day(snapshot: FleetSnapshot) -> list[HostSample]:
    """Return the last 24 hours in steps of five minutes, up to this moment."""
    day = [sample for sample in snapshot.host_day if sample.at > snapshot.taken_at - 86_400.0]
    return [*day, snapshot.host] if snapshot.host is not None else day


def concerns(snapshot: FleetSnapshot, links: Links) -> list[Concern]:
    """Return what needs attention, the worst first."""
    return [
        *_store_concerns(snapshot, links),
        *_node_concerns(snapshot, links),
        *_clock_concerns(snapshot, links),
        *_run_concerns(snapshot, links),
        *_service_concerns(snapshot, links),
        *_callback_concerns(snapshot, links),
    ]


def _store_concerns(snapshot: FleetSnapshot, links: Links) -> list[Concern]:
    store = snapshot.store
    if store is None or (store.ok and not store.notice and not store.dropped):
        return []
    if not store.ok:
        why = f"{formats.plural(store.buffered, 'change')} wait to be written; {store.error or 'it does not answer'}"
        return [
            Concern(
                word=Word("Store away", "bad"), what="History is not being written", why=why, href=links.to("system")
            )
        ]
    why = store.notice or f"{formats.plural(store.dropped, 'change')} could not be kept"
    return [Concern(word=Word("Store", "warn"), what="The store has a notice", why=why, href=links.to("system"))]


def _node_concerns(snapshot: FleetSnapshot, links: Links) -> list[Concern]:
    words = {"late": Word("Late", "warn"), "lost": Word("Lost", "bad")}
    return [
        Concern(
            word=words[node.state.value],
            what=f"Node {node.name}, process {node.pid}",
            why="sends no sign of life",
            href=links.to("nodes"),
            at=node.heartbeat_at,
        )
        for node in snapshot.nodes
        if node.state.value in words
    ]


def _clock_concerns(snapshot: FleetSnapshot, links: Links) -> list[Concern]:
    return [
        Concern(
            word=Word("Clock", "warn"),
            what=f"Node {node.name}, process {node.pid}",
            why=f"its clock is {formats.duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'} this one's",
            href=links.to("nodes"),
        )
        for node in snapshot.nodes
        if abs(skew := node.clock_skew_s or 0.0) >= 1.0 and node.state.value in ("ok", "late", "draining")
    ]


def _run_concerns(snapshot: FleetSnapshot, links: Links) -> list[Concern]:
    return [
        Concern(
            word=Word("Stuck", "bad"),
            what=run.name,
            why="was asked to stop and does not answer",
            href=links.to("run", id=run.run_id),
            at=run.cancel.requested_at if run.cancel else run.started_at,
        )
        for run in snapshot.runs
        if run.stuck and not run.terminal
    ]


def _service_concerns(snapshot: FleetSnapshot, links: Links) -> list[Concern]:
    words = {"failed": Word("Failed", "bad"), "unknown": Word("Cannot tell", "odd")}
    return [
        Concern(
            word=words[service.state.value],
            what=f"Service {service.name}",
            why=service.error or "its check does not answer",
            href=links.to("idle", service=service.name),
            at=service.since,
        )
        for service in snapshot.services
        if service.state.value in words
    ]


def _callback_concerns(snapshot: FleetSnapshot, links: Links) -> list[Concern]:
    return [
        Concern(
            word=Word("Failing" if callback.failures else "Cannot keep up", "warn"),
            what=f"Session callback {callback.name}",
            why=_callback_trouble(callback),
            href=links.to("sessions", tab="callbacks"),
        )
        for callback in snapshot.callbacks
        if callback.failures or callback.dropped
    ]


def _callback_trouble(callback: CallbackRecord) -> str:
    said = []
    if callback.failures:
        last = callback.last_error or "unknown"
        said.append(f"{callback.failures:,} of {callback.calls:,} calls failed; last: {last}")
    if callback.dropped:
        said.append(f"it missed {formats.plural(callback.dropped, 'event')}, because too many waited already")
    return "; ".join(said)
