"""Every error this library raises on purpose, in one tree.

Each also inherits the standard kind a caller would expect to catch (KeyError, ValueError, ...), and each
message names the fix. Only the anchor lies below.
"""

from octostar_runtime.anchor import survives_reload


class OctostarRuntimeError(Exception):
    """Root of all errors raised by octostar_runtime."""

    def __str__(self) -> str:
        # KeyError would show the repr of its argument; a sentence must stay a sentence.
        return str(self.args[0]) if self.args else self.__class__.__name__


@survives_reload
class CancelledError(BaseException):
    """Raised inside a task that was asked to stop.

    A BaseException, like asyncio's, so that a task's own ``except Exception`` cannot swallow it by accident.
    """


class InvalidInput(OctostarRuntimeError, ValueError):
    """An argument is out of range or of the wrong kind."""


class InvalidTask(InvalidInput, TypeError):
    """What was submitted cannot be run: not callable, an unhashable or empty id, arguments that do not fit."""


class NotPortable(OctostarRuntimeError, TypeError):
    """Something cannot be sent to, or come back from, another process; ``argument`` names it where it has a name."""

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class TooLarge(OctostarRuntimeError, ValueError):
    """A result is larger than its pool lets another process send back."""


class RemoteError(OctostarRuntimeError, RuntimeError):
    """What a task raised in another process, when the exception itself could not come back; ``kind`` is its type."""

    def __init__(self, message: str, *, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class WorkerDied(OctostarRuntimeError, RuntimeError):
    """The process that executed a run ended before the run did; ``worker`` names it, ``signal`` what killed it."""

    def __init__(self, message: str, *, worker: str = "", signal: str | None = None) -> None:
        super().__init__(message)
        self.worker = worker
        self.signal = signal


class ExecutorLost(OctostarRuntimeError, RuntimeError):
    """What executed a run cannot be reached any more; ``gone``: it has ended for sure, so that another try may come."""

    def __init__(self, message: str, *, gone: bool) -> None:
        super().__init__(message)
        self.gone = gone


class InvalidStatus(InvalidInput):
    """A task reported a status that only the task manager may set."""


class InvalidTransition(OctostarRuntimeError, RuntimeError):
    """A run, session or service was asked to move backwards."""


class TaskNotFound(OctostarRuntimeError, KeyError):
    """No run is known under that task id or run id."""


class ResultExpired(TaskNotFound):
    """The run is known and ended, but its result was evicted by the retention limits."""


class QueueFull(OctostarRuntimeError, RuntimeError):
    """The pool's queue has reached its limit."""

    def __init__(self, message: str, *, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


class PoolNotFound(OctostarRuntimeError, KeyError):
    """No pool has that name."""


class ManagerClosed(OctostarRuntimeError, RuntimeError):
    """Work was submitted after shutdown or drain."""


class NotRetriable(OctostarRuntimeError, RuntimeError):
    """The run's function or arguments are not known here, so it cannot be run again."""


class SessionNotFound(OctostarRuntimeError, KeyError):
    """No live session has that id."""


class NoticeNotFound(OctostarRuntimeError, KeyError):
    """No lasting message has that id."""


class ServiceNotFound(OctostarRuntimeError, KeyError):
    """No service is registered under that name."""


class ServiceBusy(OctostarRuntimeError, RuntimeError):
    """A service was not stopped because something uses it; ``blockers`` tells what, in words."""

    def __init__(self, message: str, *, blockers: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.blockers = blockers


class WakeRefused(OctostarRuntimeError, RuntimeError):
    """A wake cannot be waited for now; ``retry_after_s`` says when to ask again."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NodeNotFound(OctostarRuntimeError, KeyError):
    """No node has that id."""


class SettingsError(OctostarRuntimeError, ValueError):
    """A setting is missing, unreadable or out of range; the message names it and the fix."""


class PolicyInvalid(OctostarRuntimeError, ValueError):
    """A policy document was refused. ``fields`` maps a field's path to what is wrong with it."""

    def __init__(self, message: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class VersionConflict(OctostarRuntimeError, RuntimeError):
    """Somebody else saved the document first; ``current`` is the version now stored."""

    def __init__(self, message: str, *, current: int) -> None:
        super().__init__(message)
        self.current = current


class CountChanged(OctostarRuntimeError, RuntimeError):
    """A bulk action matches another number of runs than was confirmed; ``current`` is the number now."""

    def __init__(self, message: str, *, current: int) -> None:
        super().__init__(message)
        self.current = current


class NotAllowed(OctostarRuntimeError, PermissionError):
    """The caller's role does not permit the action."""


class NotSignedIn(NotAllowed):
    """Nobody is signed in, or the credential is unknown, expired or revoked."""


class QueryInvalid(OctostarRuntimeError, ValueError):
    """A search expression could not be read. ``position`` is the offset of the offending word."""

    def __init__(self, message: str, *, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class StoreUnavailable(OctostarRuntimeError, RuntimeError):
    """The store cannot be reached or written now; the node runs on and catches up."""


class StoreTooNew(OctostarRuntimeError, RuntimeError):
    """The store's schema was written by a newer release than this one."""


class CommandFailed(OctostarRuntimeError, RuntimeError):
    """Another node refused a command, or nobody took it up in time."""


class TooManyAttempts(NotAllowed):
    """Too many failed sign-ins; ``retry_after_s`` says when the next one may come."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TokenNotFound(OctostarRuntimeError, KeyError):
    """No token or sign-in in force has that id."""


class LimitReached(OctostarRuntimeError, RuntimeError):
    """There are as many of something as may be; the message says what to remove."""


class CannotStart(OctostarRuntimeError, RuntimeError):
    """Something this machine lacks keeps the console from starting; one line that says what and how to mend it."""


class RateExceeded(OctostarRuntimeError, RuntimeError):
    """A caller asks more often than its rate allows; ``retry_after_s`` says when to come back."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class FunctionNotFound(OctostarRuntimeError, KeyError):
    """No API function has that name."""
