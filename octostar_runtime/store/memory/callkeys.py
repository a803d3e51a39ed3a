"""Keys of calls in memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from octostar_runtime.models.calls import KEPT_S, PENDING_S, KeyedCall


class MemoryCallKeys:
    """Keys, those of the newest ``limit`` calls."""

    def __init__(self, now: Callable[[], float], limit: int) -> None:
        self._now = now
        self._limit = limit
        self._lock = threading.Lock()
        self._calls: OrderedDict[str, tuple[KeyedCall, float]] = OrderedDict()

    def claim(self, key: str, content: str) -> KeyedCall | None:
        """Take the key for a request, in one atomic step; return whose it is when somebody has it."""
        with self._lock:
            now = self._now()
            known, at = self._calls.get(key, (None, 0.0))
            if known is not None and now - at < (PENDING_S if known.run_id is None else KEPT_S):
                return known
            self._calls[key] = (KeyedCall(content=content, run_id=None), now)
            self._calls.move_to_end(key)
            while len(self._calls) > self._limit:
                self._calls.popitem(last=False)
            return None

    def settle(self, key: str, run_id: str) -> None:
        """Note the run that the request with the key has started."""
        with self._lock:
            if key in self._calls:
                known, at = self._calls[key]
                self._calls[key] = (KeyedCall(content=known.content, run_id=run_id), at)

    def free(self, key: str) -> None:
        """Give a key back of which no run came."""
        with self._lock:
            if key in self._calls and self._calls[key][0].run_id is None:
                del self._calls[key]
