"""What is due at some moment: idle children that give their memory back, runs that have not heeded their time limit."""

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Keeper:
    """A thread that lives while something may become due.

    ``tick()`` does what is due and returns the seconds until the next, None when nothing can be.
    """

    def __init__(self, name: str, tick: Callable[[], float | None]) -> None:
        self._name = name
        self._tick = tick
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._next = 0.0
        self._poked = False

    def due(self, moment: float) -> None:
        """Say that something is due at a monotonic moment; wakes the thread only when that is its next."""
        with self._changed:
            if self._thread is None:
                self._poked = True
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            elif moment < self._next or not self._next:  # 0: it is looking this very moment
                self._poked = True
                self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._poked, self._next = False, 0.0
            try:
                left = self._tick()
            except Exception:
                logger.exception("looking after child processes failed; it goes on")
                left = 1.0
            with self._changed:
                if left is None and not self._poked:
                    self._thread = None
                    return
                if not self._poked:
                    self._next = time.monotonic() + (left or 0.0)
                    self._changed.wait(min(left or 0.0, threading.TIMEOUT_MAX))


def seconds_until(moment: float) -> float:
    """Return the seconds until a monotonic moment, at least 0."""
    return max(0.0, moment - time.monotonic())
