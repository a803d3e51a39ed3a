"""How often one caller may ask: a token bucket per credential or address, bounded in number."""

import threading
from collections import OrderedDict

from octostar_runtime.clock import Clock
from octostar_runtime.errors import RateExceeded

CALLERS = 10_000


class RateLimit:
    """Allow ``burst`` requests at once and ``rate`` a second after that. Safe from any thread."""

    def __init__(self, clock: Clock, *, rate: float, burst: int) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = float(burst)
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller → (tokens, monotonic)

    def take(self, caller: str) -> None:
        """Count one request of ``caller``; RateExceeded when it has to wait."""
        now = self._clock.monotonic()
        with self._lock:
            tokens, at = self._buckets.get(caller, (self._burst, now))
            tokens = min(self._burst, tokens + (now - at) * self._rate)
            allowed = tokens >= 1.0
            self._buckets[caller] = (tokens - 1.0 if allowed else tokens, now)
            self._buckets.move_to_end(caller)
            if len(self._buckets) > CALLERS:
                self._buckets.popitem(last=False)
        if not allowed:
            wait_s = (1.0 - tokens) / self._rate
            raise RateExceeded(f"more than {self._rate:g} requests a second; wait {wait_s:.2f} s", retry_after_s=wait_s)
