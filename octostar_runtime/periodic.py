"""THE background loop: every recurring job of the runtime is one of these threads.

A loop is named, daemonic, waits on a condition (no wake-ups beyond its period), and survives whatever its
job raises: the error is logged, counted, and the next turn comes.
"""

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class PeriodicThread:
    """Call ``job()`` every ``interval_s`` seconds on a thread of its own until stopped.

    ``interval_s=None`` means only when poked. ``poke()`` asks for a turn now; pokes that arrive while a turn is
    under way lead to exactly one more. The interval counts from the start of a turn; turns never overlap.
    """

    def __init__(self, name: str, job: Callable[[], object], *, interval_s: float | None) -> None:
        if interval_s is not None and interval_s <= 0:
            raise ValueError(f"interval_s of {name!r} must be positive seconds or None, not {interval_s!r}")
        self.name = name
        self.interval_s = interval_s
        self.turns = 0
        self.failures = 0
        self.last_error: str | None = None
        self.last_turn_monotonic: float | None = None
        self._job = job
        self._condition = threading.Condition()
        self._poked = False
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; does nothing when it already runs."""
        with self._condition:
            if self.running:
                return
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def poke(self) -> None:
        """Ask for a turn as soon as possible."""
        with self._condition:
            self._poked = True
            self._condition.notify()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Stop after the turn under way; True when the thread has ended within ``timeout_s``."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def _run(self) -> None:
        due = self._next_due(time.monotonic())
        while self._wait_until(due):
            started = time.monotonic()
            self._turn(started)
            due = self._next_due(started)

    def _next_due(self, started: float) -> float | None:
        return None if self.interval_s is None else started + self.interval_s

    def _wait_until(self, due: float | None) -> bool:
        with self._condition:
            while not self._stopping and not self._poked:
                left = None if due is None else due - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._condition.wait(None if left is None else min(left, threading.TIMEOUT_MAX))
            self._poked = False
            return not self._stopping

    def _turn(self, started: float) -> None:
        self.last_turn_monotonic = started
        self.turns += 1
        try:
            self._job()
        except Exception as error:
            self.failures += 1
            self.last_error = f"{type(error).__name__}: {error}"
            logger.exception("background job %s failed; it goes on", self.name)


class DeadlineThread(PeriodicThread):
    """Sleep until the next deadline, however far it is; without one, until poked.

    ``job()`` does what is due and returns the seconds until it wants its next turn, None when nothing is planned.
    """

    def __init__(self, name: str, job: Callable[[], float | None]) -> None:
        super().__init__(name, self._ask, interval_s=None)
        self._ask_job = job
        self._next_in_s: float | None = None

    def _ask(self) -> None:
        self._next_in_s = 1.0  # what holds when the job raises
        self._next_in_s = self._ask_job()

    def _next_due(self, started: float) -> float | None:
        del started
        return None if self._next_in_s is None else time.monotonic() + max(0.0, self._next_in_s)
