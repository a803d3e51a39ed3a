"""One lane per service: its blocking calls, in order, never two at once, on a thread of its own.

A backend that hangs stops its own lane only; the controller's ticks go on and see that no answers come.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

from octostar_runtime.periodic import PeriodicThread

logger = logging.getLogger(__name__)
Job = Callable[[], object]


class Lane:
    """Queued jobs first, then one probe; every ``interval_s`` and when poked."""

    def __init__(self, name: str, probe: Job, *, interval_s: float) -> None:
        self.name = name
        self._probe = probe
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._thread = PeriodicThread(f"idle-{name}", self.turn, interval_s=interval_s)

    def start(self) -> None:
        """Run on a thread of its own from now on."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the thread; False when the job under way does not let go in time."""
        return self._thread.stop(timeout_s)

    def submit(self, job: Job) -> None:
        """Queue a job and ask for a turn."""
        with self._lock:
            self._jobs.append(job)
        self._thread.poke()

    def look(self) -> None:
        """Ask for a probe now."""
        self._thread.poke()

    def set_interval(self, interval_s: float) -> None:
        """Change how often it probes; in force from the next turn."""
        self._thread.interval_s = interval_s

    @property
    def threaded(self) -> bool:
        """Whether the thread runs."""
        return self._thread.running

    def turn(self) -> None:
        """Do what is queued, then probe."""
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                logger.exception("a job of lane %s failed; the lane goes on", self.name)
        self._probe()

    def _next(self) -> Job | None:
        with self._lock:
            return self._jobs.popleft() if self._jobs else None
