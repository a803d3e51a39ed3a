"""A run: one submission of a task, its states, and the one table of allowed transitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from octostar_runtime.anchor import survives_reload


class RunState(StrEnum):
    """Where a run stands. Compare by value: a hot-reloaded script may hold another copy of this class."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    RETRY_WAIT = "retry_wait"
    UNKNOWN = "unknown"  # its executor cannot be reached
    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"  # its executor is gone for good

    @property
    def terminal(self) -> bool:
        """Whether nothing can follow."""
        return self in TERMINAL


TERMINAL = frozenset({RunState.SUCCESS, RunState.ERROR, RunState.CANCELLED, RunState.TIMED_OUT, RunState.LOST})
LIVE = frozenset(RunState) - TERMINAL
WAITING = frozenset({RunState.QUEUED, RunState.RETRY_WAIT})
EXECUTING = LIVE - WAITING  # as far as is known

#: The only moves a run may make. Everything that changes a state goes through this table.
TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED, RunState.UNKNOWN, RunState.LOST, RunState.ERROR}),
    RunState.RUNNING: frozenset({RunState.CANCELLING, RunState.RETRY_WAIT, RunState.UNKNOWN, *TERMINAL}),
    # a run that was stopped by its time limit may be tried again
    RunState.CANCELLING: frozenset({RunState.UNKNOWN, RunState.RETRY_WAIT, *TERMINAL}),
    RunState.RETRY_WAIT: frozenset({RunState.QUEUED, RunState.CANCELLED, RunState.LOST}),
    RunState.UNKNOWN: frozenset({RunState.RUNNING, RunState.CANCELLING, RunState.QUEUED, *TERMINAL}),
    **{state: frozenset() for state in TERMINAL},
}


@survives_reload
class TaskStatus(Enum):
    """The states of the seed's API, with its names and numbers; below 10 the task has not ended."""

    INIT = 0
    IN_PROGRESS = 1
    CANCELLING = 2
    SUCCESS = 10
    ERROR = 11
    CANCELLED = 12


#: How the run states look through the seed's API.
TASK_STATUS: Mapping[RunState, TaskStatus] = {
    RunState.QUEUED: TaskStatus.INIT,
    RunState.RETRY_WAIT: TaskStatus.INIT,
    RunState.RUNNING: TaskStatus.IN_PROGRESS,
    RunState.UNKNOWN: TaskStatus.IN_PROGRESS,
    RunState.CANCELLING: TaskStatus.CANCELLING,
    RunState.SUCCESS: TaskStatus.SUCCESS,
    RunState.ERROR: TaskStatus.ERROR,
    RunState.TIMED_OUT: TaskStatus.ERROR,
    RunState.LOST: TaskStatus.ERROR,
    RunState.CANCELLED: TaskStatus.CANCELLED,
}


class CancelOutcome(StrEnum):
    """How a request to cancel was met."""

    REQUESTED = "requested"  # asked, no answer yet
    ACKNOWLEDGED = "acknowledged"  # the task has seen it
    STOPPED = "stopped"  # the task ended because of it
    IGNORED = "ignored"  # the task ended by itself without heeding it


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRecord:
    """One request to cancel and what became of it. Times are UTC seconds, durations seconds."""

    requested_at: float
    by: str | None
    reason: str
    outcome: CancelOutcome
    acknowledged_after_s: float | None = None
    stopped_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line a task logged, or a warning it raised."""

    at: float
    level: str
    logger: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """Everything known of a run, frozen at one moment.

    ``*_at`` are UTC seconds, ``*_s`` durations in seconds. ``progress`` is 0..1. ``arguments`` is the redacted,
    shortened text for people; the values themselves are never part of a record. ``seq`` grows with each change.
    ``retriable`` means its own node still holds the function and the arguments; ``portable`` that any node can run
    it again, because the function is registered by import path and the arguments are JSON. Whichever is missing
    is explained in ``not_retriable_because``. ``hard_stopped`` tells that an exception was raised in its
    thread, or its process was killed.
    """

    run_id: str
    task_id: str
    name: str
    pool: str
    node_id: str
    state: RunState
    seq: int
    queued_at: float
    session_id: str | None = None
    user: str | None = None
    priority: int = 0
    attempt: int = 1
    max_attempts: int = 1
    tags: tuple[str, ...] = ()
    started_at: float | None = None
    ended_at: float | None = None
    wait_s: float | None = None
    run_s: float | None = None
    cpu_s: float | None = None
    timeout_s: float | None = None
    on_session_end: str = "cancel"
    progress: float | None = None
    done: float | None = None
    total: float | None = None
    message: str | None = None
    cancel: CancelRecord | None = None
    superseded_by: str | None = None
    retry_of: str | None = None
    error_type: str | None = None
    error: str | None = None
    traceback: str | None = None
    arguments: str = ""
    function: str | None = None  # import path, when the function was registered by one
    retriable: bool = False
    portable: bool = False
    not_retriable_because: str | None = None
    hard_stopped: bool = False
    stuck: bool = False
    orphaned: bool = False
    worker: str | None = None
    elsewhere: str | None = None  # where it goes on when its node does not; only the engine reads it
    result_bytes: int | None = None
    result_expired: bool = False
    logs: tuple[LogLine, ...] = ()
    logs_dropped: int = 0
    timeline: tuple[tuple[RunState, float], ...] = ()

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self.state.terminal

    def can_retry(self, *, owner_alive: bool) -> bool:
        """Whether somebody can run it again; ``owner_alive`` tells whether its own node is still there."""
        return self.terminal and (self.portable or (owner_alive and self.retriable))
