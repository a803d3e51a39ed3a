"""A wake: somebody needs a service. All who ask while it comes up share one."""

import asyncio
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout


class Wake:
    """The answer to "is it there yet?": True once the service is ready, False when it gave up."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.error: str | None = None
        self._future: Future[bool] = Future()

    @property
    def done(self) -> bool:
        """Whether the answer is known."""
        return self._future.done()

    def wait(self, timeout_s: float | None) -> bool:
        """Block until the service is ready; False when it failed or ``timeout_s`` passed (then ``done`` is False)."""
        try:
            return self._future.result(timeout_s)
        except FutureTimeout:
            return False

    async def wait_async(self, timeout_s: float) -> bool:
        """The same without blocking a thread."""
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._future)), timeout_s)
        except TimeoutError:
            return False

    def resolve(self, ready: bool, error: str | None = None) -> None:
        """Give the answer to everybody; only the first one counts."""
        if not self._future.done():
            self.error = error
            self._future.set_result(ready)


class WakeDesk:
    """The wakes under way, one per service. Thread-safe; resolves outside of any lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, Wake] = {}

    def join(self, key: str, name: str) -> tuple[Wake, bool]:
        """Return the wake of a service, and whether it is a new one."""
        with self._lock:
            wake = self._pending.get(key)
            if wake is not None:
                return wake, False
            wake = self._pending[key] = Wake(name)
            return wake, True

    def resolve(self, key: str, ready: bool, error: str | None = None) -> None:
        """Answer all who wait for ``key``."""
        with self._lock:
            wake = self._pending.pop(key, None)
        if wake is not None:
            wake.resolve(ready, error)

    def resolve_all(self, error: str) -> None:
        """Give up on everything, at shutdown."""
        with self._lock:
            keys = list(self._pending)
        for key in keys:
            self.resolve(key, False, error)

    def pending(self) -> int:
        """How many services are being woken."""
        return len(self._pending)
