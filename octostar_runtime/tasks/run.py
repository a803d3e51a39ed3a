"""The mutable side of a run: one small object per submission, guarded by the manager's lock.

Nothing outside ``tasks`` sees it; others get a :class:`~octostar_runtime.models.runs.RunRecord` made on demand. What
only some runs need (progress, cancellation, logs, retries) lives in :class:`RunExtra`, so that an ordinary ended run
stays under a kilobyte.
"""

from collections.abc import Callable, Hashable, Mapping
from contextvars import Context, ContextVar
from dataclasses import dataclass
from threading import Event as ThreadEvent
from typing import TYPE_CHECKING, Any

from octostar_runtime.models.runs import RunState

if TYPE_CHECKING:
    import asyncio

    from octostar_runtime.tasks.capture import LogBuffer
    from octostar_runtime.tasks.fair_queue import Group
    from octostar_runtime.tasks.pool import Pool
    from octostar_runtime.tasks.worker import Worker

TaskFunction = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is to be treated; shared by all runs that ask for nothing special."""

    priority: int = 0
    timeout_s: float | None = None
    max_attempts: int = 1
    backoff_s: float = 1.0
    backoff_max_s: float = 300.0
    on_session_end: str = "cancel"
    tags: tuple[str, ...] = ()
    resources: tuple[tuple[str, float], ...] = ()

    def backoff_before(self, attempt: int) -> float:
        """Seconds to wait before attempt number ``attempt`` (2 is the first retry); doubles each time."""
        exponent = min(attempt - 2, 60)
        return float(min(self.backoff_s * 2**exponent, self.backoff_max_s))


DEFAULT_OPTIONS = RunOptions()


@dataclass(slots=True, kw_only=True)
class CancelRequest:
    """What is known of a request to cancel. ``*_mono`` are monotonic seconds."""

    at_wall: float
    at_mono: float
    by: str | None
    reason: str
    timeout: bool = False
    final: bool = True  # no other attempt follows; a time limit alone leaves that open
    acknowledged_mono: float | None = None
    stopped_mono: float | None = None
    raised: bool = False  # a CancelledError was raised in the task
    ignored: bool = False


class RunExtra:
    """What only some runs have."""

    __slots__ = (
        "arguments",
        "async_task",
        "cancel",
        "cancel_event",
        "done",
        "elsewhere",
        "error",
        "error_type",
        "executor",
        "hard_stopped",
        "history",
        "message",
        "not_retriable",
        "orphaned",
        "packed",
        "portable",
        "progress",
        "retry_of",
        "stuck",
        "superseded_by",
        "taken_over",
        "total",
        "traceback",
    )

    def __init__(self) -> None:
        self.arguments = ""
        self.async_task: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        self.cancel: CancelRequest | None = None
        self.cancel_event: ThreadEvent | None = None
        self.done: float | None = None
        self.elsewhere: str | None = None  # where it goes on when this process does not
        self.error: str | None = None
        self.error_type: str | None = None
        self.executor: str | None = None  # what executes it, when that is not the slot itself
        self.hard_stopped = False
        self.history: list[tuple[RunState, float]] | None = None  # monotonic seconds
        self.message: str | None = None
        self.not_retriable: str | None = None
        self.orphaned = False
        self.packed: bytes | None = None  # the call, for another process
        self.portable: str | None = None  # JSON of the arguments
        self.progress: float | None = None
        self.retry_of: str | None = None
        self.stuck = False
        self.superseded_by: str | None = None
        self.taken_over = False  # another process has sent it
        self.total: float | None = None
        self.traceback: str | None = None


class Run:
    """One submission. ``*_mono`` are monotonic seconds; UTC is ``queued_wall`` plus what passed since."""

    __slots__ = (
        "attempt",
        "call_bytes",
        "context",
        "cpu_s",
        "data",
        "dirty",
        "ended_mono",
        "extra",
        "fn",
        "group",
        "held_bytes",
        "key",
        "kwargs",
        "light",
        "logs",
        "name",
        "options",
        "page",
        "pool",
        "queued_mono",
        "queued_wall",
        "ready_mono",
        "result_bytes",
        "run_id",
        "seq",
        "session_id",
        "started_mono",
        "state",
        "task_id",
        "user",
        "waiters",
        "worker",
    )

    def __init__(
        self,
        task_id: Hashable,
        key: Hashable,
        name: str,
        fn: TaskFunction,
        kwargs: Mapping[str, Any] | None,
        context: Context,
        pool: "Pool",
        session_id: str | None,
        user: str | None,
        options: RunOptions,
        now: float,
        wall: float,
        light: bool,
        call_bytes: int = 0,
    ) -> None:
        self.run_id = ""  # given under the lock, so that ids sort as the runs were queued
        self.task_id = task_id
        self.key = key
        self.page: dict[str, Run] | None = None  # where the book has it while it is live
        self.name = name
        self.fn: TaskFunction | None = fn
        self.kwargs = kwargs
        self.context: Context | None = context
        self.pool = pool
        self.session_id = session_id
        self.user = user
        self.options = options
        self.queued_mono = self.ready_mono = now  # ready: when this attempt joined the queue
        self.queued_wall = wall
        self.light = light  # keeping its function costs nothing: a module holds it, and there are no arguments
        self.call_bytes = call_bytes  # what its function's closure and its arguments keep alive
        self.held_bytes = 0  # what it is counted with once it has ended
        self.state = RunState.QUEUED
        self.seq = self.attempt = 1
        self.dirty = False
        self.data: Any = None
        self.started_mono: float | None = None
        self.ended_mono: float | None = None
        self.cpu_s: float | None = None  # cpu_meter.AS_LONG: all of its run time
        self.result_bytes: int | None = None  # None: not measured; -1: the result was evicted; of a partial one too
        self.worker: Worker | str | None = None  # its worker while it runs, the worker's name afterwards
        self.group: Group | None = None
        self.logs: LogBuffer | None = None
        self.waiters: list[Any] | None = None  # locks to release when the run ends
        self.extra: RunExtra | None = None

    def more(self) -> RunExtra:
        """Return the extras, made at the first need. Call it under the manager's lock."""
        extra = self.extra
        if extra is None:
            extra = self.extra = RunExtra()
        return extra

    def anonymise(self) -> None:
        """Of an ended run keep only that it ran, how long and how it ended. Call it under the manager's lock."""
        self.seq += 1 + (self.logs.count if self.logs is not None else 0)  # its lines counted as changes
        self.user = self.session_id = self.data = self.fn = self.kwargs = self.logs = None
        self.task_id = "erased"
        old, self.extra = self.extra, None
        if old is not None:
            extra = self.more()
            extra.error_type, extra.history, extra.retry_of = old.error_type, old.history, old.retry_of
            extra.superseded_by, extra.hard_stopped, extra.orphaned = old.superseded_by, old.hard_stopped, old.orphaned

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked it to stop."""
        extra = self.extra
        return extra is not None and extra.cancel is not None


#: The run whose code is executing here; carried into whatever a task awaits or hands to asyncio.to_thread.
current_run: ContextVar[Run | None] = ContextVar("octostar_current_run", default=None)
