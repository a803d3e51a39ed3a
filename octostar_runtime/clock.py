"""Time as a dependency: monotonic for decisions, UTC for people."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the code asks the time of, so that tests can move it by hand."""

    def monotonic(self) -> float:
        """Seconds that never step; only differences mean something, and only inside one process."""
        ...

    def time(self) -> float:
        """UTC as seconds since 1970-01-01; for records and people, never for a decision."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
