"""Announcements that also reach whoever comes later, for as long as they last."""

import threading

from octostar_runtime.clock import Clock
from octostar_runtime.models.sessions import OperatorMessage

MOST_NOTICES = 10


class Notices:
    """A few lasting messages; safe from any thread. The oldest gives way when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._posted: list[tuple[float, OperatorMessage]] = []

    def post(self, message: OperatorMessage, lasting_s: float) -> None:
        """Show ``message`` to newcomers for ``lasting_s`` seconds."""
        with self._lock:
            self._posted = [*self._posted, (self._clock.monotonic() + lasting_s, message)][-MOST_NOTICES:]

    def current(self) -> tuple[OperatorMessage, ...]:
        """Return the messages that still last, oldest first."""
        now = self._clock.monotonic()
        with self._lock:
            self._posted = [(until, message) for until, message in self._posted if until > now]
            return tuple(message for _, message in self._posted)

    def withdraw(self) -> int:
        """Take all of them back; returns how many there were."""
        with self._lock:
            count, self._posted = len(self._posted), []
            return count
