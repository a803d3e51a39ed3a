"""Tell people of a coming stop without holding up whoever decided it: telling other nodes takes a while."""

from collections import deque
from collections.abc import Callable

from octostar_runtime.periodic import PeriodicThread


class Warnings:
    """A short queue and a thread that works it off. A warning that is not told within the queue's bound is old news."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._queue: deque[str] = deque(maxlen=20)
        self._thread = PeriodicThread("octostar-warnings", self._turn, interval_s=None)

    def give(self, text: str, stops_at: float) -> None:
        """Queue a warning; ``stops_at`` is already told in the text."""
        self._queue.append(text)
        self._thread.start()
        self._thread.poke()

    def stop(self) -> None:
        """Stop; what was not told is dropped with the process."""
        self._thread.stop(1.0)

    def _turn(self) -> None:
        while self._queue:
            self._tell(self._queue.popleft())
