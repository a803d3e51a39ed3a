"""Use of the API that counts as activity. Called from the API's threads or loop; never blocks."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase

from octostar_runtime.clock import Clock
from octostar_runtime.idle.policy import UNTRACKED
from octostar_runtime.idle.world import ApiUse

#: A request that carries this header (any value) never counts.
NO_TRACK = "x-no-track-activity"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ApiActivity:
    """Counts requests in flight and remembers the last one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._untracked: tuple[tuple[str, str], ...] = _rules(UNTRACKED)
        self._in_flight = 0
        self._in_flight_since = 0.0
        self._last: tuple[float, float, str] | None = None  # monotonic, UTC, path

    def use_rules(self, untracked: tuple[str, ...]) -> None:
        """Take over the rules of a policy."""
        self._untracked = _rules(untracked)

    def counts(self, path: str, headers: Mapping[str, str], method: str = "GET") -> bool:
        """Whether such a request keeps services up."""
        if any(name.lower() == NO_TRACK for name in headers):
            return False
        asked = method.upper()
        return not any(
            (wanted in ("", asked) or (wanted == "GET" and asked == "HEAD")) and fnmatchcase(path, pattern)
            for wanted, pattern in self._untracked
        )

    def note(self, path: str, headers: Mapping[str, str], method: str = "GET") -> bool:
        """Remember a request as activity; False when it does not count."""
        if not self.counts(path, headers, method):
            return False
        self._touch(path)
        return True

    @contextmanager
    def request(self, path: str, headers: Mapping[str, str], method: str = "GET") -> Iterator[bool]:
        """Count a request as in flight for as long as the block lasts; yields whether it counts."""
        if not self.note(path, headers, method):
            yield False
            return
        self._enter()
        try:
            yield True
        finally:
            self._leave(path)

    def use(self) -> ApiUse:
        """Freeze what is known."""
        with self._lock:
            last = self._last
            in_flight, since = self._in_flight, self._in_flight_since
        if last is None:
            return ApiUse(in_flight=in_flight, in_flight_since=since)
        return ApiUse(
            in_flight=in_flight,
            in_flight_since=since,
            last_age_s=self._clock.monotonic() - last[0],
            last_at=last[1],
            last_path=last[2],
        )

    def _touch(self, path: str) -> None:
        with self._lock:
            self._last = (self._clock.monotonic(), self._clock.time(), path[:200])

    def _enter(self) -> None:
        with self._lock:
            if not self._in_flight:
                self._in_flight_since = self._clock.time()
            self._in_flight += 1

    def _leave(self, path: str) -> None:
        with self._lock:
            self._in_flight -= 1
        self._touch(path)


def _rules(untracked: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Split "METHOD path" and "path" into (method or "", pattern)."""
    found = []
    for rule in untracked:
        method, _, path = rule.strip().partition(" ")
        found.append((method, path.strip()) if method in _METHODS and path else ("", rule.strip()))
    return tuple(found)
