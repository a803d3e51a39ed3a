"""Helpers for tests of apps that use this library: a clock moved by hand, and waiting without sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class ManualClock:
    """A clock that stands still until told to move. Satisfies :class:`octostar_runtime.clock.Clock`."""

    def __init__(self, *, monotonic: float = 1_000.0, time: float = 1_800_000_000.0) -> None:
        self._monotonic = monotonic
        self._time = time

    def monotonic(self) -> float:
        return self._monotonic

    def time(self) -> float:
        return self._time

    def advance(self, seconds: float) -> None:
        """Move both clocks forward together."""
        if seconds < 0:
            raise ValueError("a monotonic clock cannot go back; use step_wall() to change the wall clock alone")
        self._monotonic += seconds
        self._time += seconds

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock alone, as a time server or an operator would."""
        self._time += seconds


def wait_until(condition: Callable[[], T], *, timeout_s: float = 5.0, what: str = "the condition") -> T:
    """Return the first truthy value of ``condition()``; AssertionError naming ``what`` after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    pause = 0.001
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {timeout_s} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    return value
