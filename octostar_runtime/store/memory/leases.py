"""Leases in memory."""

import threading
from collections.abc import Callable, Sequence

from octostar_runtime.errors import InvalidInput


class MemoryLeases:
    """Named claims with an expiry."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._leases: dict[str, tuple[str, float, str]] = {}

    def acquire(self, name: str, holder: str, ttl_s: float, *, note: str = "") -> bool:
        """Take or renew the lease; False when somebody else holds it."""
        if ttl_s <= 0:
            raise InvalidInput(f"a lease lasts a positive number of seconds, not {ttl_s}")
        with self._lock:
            now = self._now()
            held = self._leases.get(name)
            if held is not None and held[0] != holder and held[1] > now:
                return False
            self._leases[name] = (holder, now + ttl_s, note)
            return True

    def release(self, name: str, holder: str) -> None:
        """Give the lease back; nothing happens when ``holder`` does not hold it."""
        with self._lock:
            if name in self._leases and self._leases[name][0] == holder:
                del self._leases[name]

    def holders(self, prefix: str = "") -> Sequence[tuple[str, str, float, str]]:
        """Return (name, holder, expires_at UTC, note) of the leases still in force, by name."""
        with self._lock:
            now = self._now()
            return sorted(
                (name, holder, expires_at, note)
                for name, (holder, expires_at, note) in self._leases.items()
                if expires_at > now and name.startswith(prefix)
            )
