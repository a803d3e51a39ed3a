"""The metrics of this process's runtime."""

from collections import Counter
from collections.abc import Mapping, Sequence

from octostar_runtime.api.backend import Backend
from octostar_runtime.api.held import Held
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.models.durations import Durations
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.telemetry.prometheus import Metrics
from octostar_runtime.telemetry.run_totals import RunTotals
from octostar_runtime.telemetry.session_totals import SessionTotals

#: So many new ends in one snapshot mean that it may not have held them all.
MANY, MOST = 500, 50_000


class FleetMetrics:
    """Follows the fleet so that counters are whole between two scrapes."""

    def __init__(self, backend: Backend, held: Held) -> None:
        self._backend = backend
        self._held = held
        self._runs = RunTotals()
        self._sessions = SessionTotals()
        self._metrics = Metrics(
            lambda: backend.fleet.snapshot,
            self._runs,
            self._sessions,
            service_totals=self._services,
            service_times=self._service_times,
            gauges=self._gauges,
        )
        self._follower = PeriodicThread("octostar-metrics", self.follow, interval_s=1.0)
        self._begun = False

    def start(self) -> None:
        """Follow the fleet on a thread."""
        self.follow()
        self._follower.start()

    def stop(self) -> None:
        """Stop following."""
        self._follower.stop()

    def follow(self) -> None:
        """Take in the newest snapshot."""
        snapshot = self._backend.fleet.snapshot
        self._sessions.follow(snapshot)
        new = self._runs.follow(snapshot)
        if new >= MANY or not self._begun:
            self._look_deeper(snapshot, quietly=not self._begun)
        self._begun = True

    def render(self) -> bytes:
        """Return the OpenMetrics text of this moment."""
        self.follow()
        return self._metrics.render()

    def _look_deeper(self, snapshot: FleetSnapshot, *, quietly: bool) -> None:
        """Count what ended in a burst that is larger than a snapshot; the past before the start is only noted."""
        runs = self._backend.store.runs
        self._runs.observe(self._backend.tasks.runs(MOST), quietly=quietly)
        try:
            others = runs.versions(without_node=snapshot.node_id, limit_live=0, limit_ended=MOST)
            if quietly:
                self._runs.note(others)
                return
            unknown = self._runs.unknown(others)
            for start in range(0, len(unknown), MANY):
                self._runs.observe(runs.many(unknown[start : start + MANY]))
        except StoreUnavailable:
            return  # the next burst, or the snapshots themselves, tell what is left

    def _services(self) -> Sequence[tuple[str, str, Counter[str]]]:
        figures = self._backend.idle.figures
        return (  # copies: the controller goes on counting
            ("starts", "Starts of a service", figures.starts.copy()),
            ("stops", "Stops of a service", figures.stops.copy()),
            ("failures", "Failed starts and stops of a service", figures.failures.copy()),
            ("wakes", "Wakes of a service", figures.wakes.copy()),
            ("refused_stops", "Stops that something prevented", figures.refused_stops.copy()),
        )

    def _service_times(self) -> Sequence[tuple[str, str, Mapping[str, Durations]]]:
        figures = self._backend.idle.figures
        return (
            ("start_duration_seconds", "Time from the decision to start to ready", _copied(figures.start_times)),
            ("stop_duration_seconds", "Time from the commit to verified dead", _copied(figures.stop_times)),
        )

    def _gauges(self) -> Sequence[tuple[str, str, float]]:
        idle = self._backend.idle
        age_s = idle.last_tick_age_s()
        return (
            ("wakes_pending", "Services that are being woken now", float(idle.wakes_pending())),
            ("wake_requests_held", "Requests held until a service is ready", float(self._held.count)),
            ("idle_leader", "1 where the idle controller of the fleet runs", 1.0 if idle.leads else 0.0),
            ("idle_tick_age_seconds", "Time since the idle controller last looked", -1.0 if age_s is None else age_s),
        )


def _copied(times: Mapping[str, Durations]) -> Mapping[str, Durations]:
    return {name: durations.copy() for name, durations in dict(times).items()}
