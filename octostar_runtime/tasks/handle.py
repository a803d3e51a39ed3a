"""What a task receives as its first argument: its way to tell how far it is and to hear that it should stop.

Used in the task's own thread. Every call that reports also checks for a cancellation.
"""

import threading
from collections.abc import Hashable
from typing import Any, Protocol

from octostar_runtime.errors import CancelledError, InvalidInput, InvalidStatus
from octostar_runtime.models.runs import TaskStatus
from octostar_runtime.tasks.capture import TaskLog
from octostar_runtime.tasks.isolation import isolated
from octostar_runtime.tasks.run import Run

UNCHANGED: Any = object()
_MESSAGE_CHARS = 500


class Hearer(Protocol):
    """Who a handle talks to: the lifecycle of the runs, or in another process what stands for it."""

    def report(
        self,
        run: Run,
        *,
        data: Any = UNCHANGED,
        progress: float | None = None,
        done: float | None = None,
        total: float | None = None,
        message: str | None = None,
    ) -> None: ...

    def acknowledge(self, run: Run, *, raised: bool = False) -> None: ...

    def cancel_event(self, run: Run) -> threading.Event: ...

    def cancel(self, run: Run, *, reason: str, by: str | None) -> bool: ...


class CancelSignal:
    """The seed's ``cancel_event``: an event that also notes that the task has looked and seen its cancellation."""

    __slots__ = ("_lifecycle", "_run")

    def __init__(self, run: Run, lifecycle: Hearer) -> None:
        self._run = run
        self._lifecycle = lifecycle

    def is_set(self) -> bool:
        """Whether the task was asked to stop."""
        if self._run.state.terminal:
            return True
        if not self._run.cancel_requested:
            return False
        self._lifecycle.acknowledge(self._run)
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the task is asked to stop, at most ``timeout`` seconds; True when it was."""
        self._lifecycle.cancel_event(self._run).wait(timeout)
        return self.is_set()

    def set(self) -> None:
        """Ask the task to stop, from inside or outside."""
        self._lifecycle.cancel(self._run, reason="the task's cancel_event was set", by=None)

    isSet = is_set


class TaskHandle:
    """A run as its own code sees it."""

    __slots__ = ("_lifecycle", "_run")

    def __init__(self, run: Run, lifecycle: Hearer) -> None:
        self._run = run
        self._lifecycle = lifecycle

    @property
    def task_id(self) -> Hashable:
        """The id under which the task was submitted."""
        return self._run.task_id

    @property
    def run_id(self) -> str:
        """The id of this very submission."""
        return self._run.run_id

    @property
    def name(self) -> str:
        """What the console calls the task."""
        return self._run.name

    @property
    def session_id(self) -> str | None:
        """The session that submitted it, None outside of any."""
        return self._run.session_id

    @property
    def user(self) -> str | None:
        """The user of that session, if known."""
        return self._run.user

    @property
    def attempt(self) -> int:
        """1 for the first try, 2 for the first retry, ..."""
        return self._run.attempt

    @property
    def cancel_event(self) -> CancelSignal:
        """An event that is set once the task was asked to stop."""
        return CancelSignal(self._run, self._lifecycle)

    @property
    def cancelled(self) -> bool:
        """Whether the task was asked to stop; a task that sees this should clean up and return."""
        return self.cancel_event.is_set()

    @property
    def log(self) -> TaskLog:
        """A logger whose lines are kept with the run, whatever the app's log level."""
        return TaskLog(self._run)

    def output(self, status: Any, data: Any) -> None:
        """Hand out an intermediate result. ``status`` is IN_PROGRESS; how the task ends is not its to say.

        CancelledError when the task was asked to stop, InvalidStatus for any other status.
        """
        check_status(status)
        self._lifecycle.report(self._run, data=isolated(data))

    def progress(
        self,
        fraction: float | None = None,
        message: str | None = None,
        partial: Any = UNCHANGED,
        *,
        done: float | None = None,
        total: float | None = None,
    ) -> None:
        """Tell how far the task is: ``fraction`` 0..1, or ``done`` of ``total``; with a message, a partial result.

        CancelledError when the task was asked to stop, InvalidInput when the numbers make no sense.
        """
        share = _share(fraction, done, total)
        said = None if message is None else str(message)[:_MESSAGE_CHARS]
        data = partial if partial is UNCHANGED else isolated(partial)
        self._lifecycle.report(self._run, data=data, progress=share, done=done, total=total, message=said)

    def check(self) -> None:
        """Raise CancelledError when the task was asked to stop."""
        if self._run.cancel_requested or self._run.state.terminal:
            self._lifecycle.acknowledge(self._run, raised=True)
            raise CancelledError(f"task {self._run.task_id!r} was asked to stop")

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake up with CancelledError as soon as the task is asked to stop."""
        if not seconds >= 0:
            raise InvalidInput(f"sleep() needs seconds >= 0, not {seconds!r}")
        self.check()
        if seconds:
            self._lifecycle.cancel_event(self._run).wait(min(seconds, threading.TIMEOUT_MAX))
            self.check()

    def __repr__(self) -> str:
        return f"<task {self._run.task_id!r}, run {self._run.run_id}, {self._run.state.value}>"


def check_status(status: Any) -> None:
    """Refuse every status but IN_PROGRESS."""
    number = getattr(status, "value", status)  # by value: a hot-reloaded script may hold a copy of the enum
    if isinstance(number, bool) or number != TaskStatus.IN_PROGRESS.value:
        raise InvalidStatus(
            f"a task reports TaskStatus.IN_PROGRESS, not {status!r}: return a value to end in SUCCESS, raise an "
            "error to end in ERROR"
        )


def _share(fraction: float | None, done: float | None, total: float | None) -> float | None:
    """Return the progress 0..1, None when it cannot be told."""
    if fraction is not None:
        if done is not None or total is not None:
            raise InvalidInput("give progress() a fraction or done and total, not both")
        if not 0 <= fraction <= 1:
            raise InvalidInput(f"progress is 0..1, not {fraction!r}; for counts use progress(done=…, total=…)")
        return float(fraction)
    if done is not None and not done >= 0:
        raise InvalidInput(f"done must be at least 0, not {done!r}")
    if total is None:
        return None
    if not total > 0:
        raise InvalidInput(f"total must be above 0, not {total!r}")
    if done is None:
        raise InvalidInput("total alone tells nothing; give progress() done as well")
    return min(1.0, done / total)
