"""Tell people of a coming stop without holding up whoever decided it: telling other nodes takes a while."""

from collections import deque
from collections.abc import Callable

from octostar_runtime.models.sessions import ComingStop
from octostar_runtime.periodic import PeriodicThread

#: News that wait at most; the oldest of more is dropped.
MOST = 50


class Warnings:
    """A short queue and a thread that works it off, in order: ``tell(stop, called_off)``."""

    def __init__(self, tell: Callable[[ComingStop, bool], object]) -> None:
        self._tell = tell
        self._queue: deque[tuple[ComingStop, bool]] = deque(maxlen=MOST)
        self._thread = PeriodicThread("octostar-warnings", self._turn, interval_s=None)

    def give(self, stop: ComingStop, called_off: bool) -> None:
        """Queue a warning, or that one is over."""
        self._queue.append((stop, called_off))
        self._thread.start()
        self._thread.poke()

    def stop(self) -> None:
        """Stop; what was not told is dropped with the process."""
        self._thread.stop(1.0)

    def _turn(self) -> None:
        while self._queue:
            self._tell(*self._queue.popleft())
