"""The metrics of this process's runtime."""

from collections import Counter
from collections.abc import Sequence

from octostar_runtime.api.backend import Backend
from octostar_runtime.api.held import Held
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.telemetry.prometheus import Metrics
from octostar_runtime.telemetry.run_totals import RunTotals


class FleetMetrics:
    """Follows the fleet so that counters are whole between two scrapes."""

    def __init__(self, backend: Backend, held: Held) -> None:
        self._backend = backend
        self._held = held
        self._totals = RunTotals()
        self._metrics = Metrics(self._snapshot, self._totals, self._services, self._gauges)
        self._follower = PeriodicThread("octostar-metrics", self._snapshot, interval_s=1.0)

    def start(self) -> None:
        """Follow the fleet on a thread."""
        self._follower.start()

    def stop(self) -> None:
        """Stop following."""
        self._follower.stop()

    def render(self) -> bytes:
        """Return the OpenMetrics text of this moment."""
        return self._metrics.render()

    def _snapshot(self) -> FleetSnapshot:
        snapshot = self._backend.fleet.snapshot
        self._totals.follow(snapshot)
        return snapshot

    def _services(self) -> Sequence[tuple[str, str, Counter[str]]]:
        figures = self._backend.idle.figures
        return (
            ("starts", "Starts of a service", figures.starts),
            ("stops", "Stops of a service", figures.stops),
            ("failures", "Failed starts and stops of a service", figures.failures),
            ("wakes", "Wakes of a service", figures.wakes),
            ("refused_stops", "Stops that something prevented", figures.refused_stops),
            ("start_seconds", "Time spent starting a service", figures.start_seconds),
            ("stop_seconds", "Time spent stopping a service", figures.stop_seconds),
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
