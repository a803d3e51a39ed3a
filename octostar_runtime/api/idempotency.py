"""The same call sent twice runs once: a client's key leads back to the run it started."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from octostar_runtime.clock import Clock
from octostar_runtime.errors import InvalidTransition

KEPT, KEPT_S = 10_000, 86_400.0
MAX_LENGTH = 200


class IdempotencyKeys:
    """Remember which run a key started. Safe from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, tuple[str, str | None, float]] = OrderedDict()  # key → (content, run, at)

    def run_once(self, key: str, content: str, start: Callable[[], str]) -> tuple[str, bool]:
        """Return (run_id, whether it was started now).

        ``content`` stands for the request: InvalidTransition when the key was used with another one, or when the
        first request with it is still being taken.
        """
        if (known := self._claim(key, content)) is not None:
            return known, False
        try:
            run_id = start()
        except BaseException:
            with self._lock:
                self._runs.pop(key, None)
            raise
        with self._lock:
            self._runs[key] = (content, run_id, self._clock.monotonic())
        return run_id, True

    def _claim(self, key: str, content: str) -> str | None:
        now = self._clock.monotonic()
        with self._lock:
            while self._runs and now - next(iter(self._runs.values()))[2] > KEPT_S:
                self._runs.popitem(last=False)
            found = self._runs.get(key)
            if found is None:
                self._runs[key] = (content, None, now)
                if len(self._runs) > KEPT:
                    self._runs.popitem(last=False)
                return None
        if found[0] != content:
            raise InvalidTransition("this Idempotency-Key was used for another request; use a fresh key")
        if found[1] is None:
            raise InvalidTransition("the first request with this Idempotency-Key is still being taken; ask again")
        return found[1]
