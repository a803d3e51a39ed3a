"""Stops that people are warned of, by service, until they are called off or have happened."""

import threading

from octostar_runtime.clock import Clock
from octostar_runtime.models.sessions import ComingStop

#: A warning is shown this long after its moment: the stop itself takes a while, and may still be called off.
GRACE_S = 30.0
MOST = 20


class ComingStops:
    """One entry per service; safe from any thread. The oldest gives way when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, ComingStop]] = {}  # monotonic end of showing it

    def post(self, stop: ComingStop) -> None:
        """Show ``stop``, in place of what was shown for that service."""
        lasts_s = max(0.0, stop.stops_at - self._clock.time()) + GRACE_S
        with self._lock:
            self._known.pop(stop.service, None)
            self._known[stop.service] = (self._clock.monotonic() + lasts_s, stop)
            while len(self._known) > MOST:
                self._known.pop(next(iter(self._known)))

    def withdraw(self, service: str) -> None:
        """Show it no longer."""
        with self._lock:
            self._known.pop(service, None)

    def current(self) -> tuple[ComingStop, ...]:
        """Return what is to be shown now, the first to stop first."""
        now = self._clock.monotonic()
        with self._lock:
            self._known = {name: entry for name, entry in self._known.items() if entry[0] > now}
            return tuple(sorted((stop for _, stop in self._known.values()), key=lambda stop: stop.stops_at))
