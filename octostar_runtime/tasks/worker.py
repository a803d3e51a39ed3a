"""A worker: one slot of a pool, a thread that takes runs until it is told to stop. Nothing a task does ends it."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from octostar_runtime.errors import CancelledError, ExecutorLost
from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.capture import ensure_installed
from octostar_runtime.tasks.cpu_meter import CpuMeter
from octostar_runtime.tasks.describe import error_text, error_type, forget_frames, traceback_text
from octostar_runtime.tasks.engine import LeftBehind, Reported
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.hard_stop import Claim, HardStop
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.sizing import size_of, size_of_error
from octostar_runtime.tasks.utilisation import BusyMeter

if TYPE_CHECKING:
    from octostar_runtime.tasks.lifecycle import Lifecycle
    from octostar_runtime.tasks.pool import Pool

logger = logging.getLogger(__name__)


class Failure(NamedTuple):
    """The error a run raised, as text, and whether another try makes sense."""

    kind: str
    text: str
    traceback: str
    retriable: bool


class Outcome(NamedTuple):
    """How an execution ended that was not a plain success, before the manager has judged it."""

    state: RunState
    data: Any
    failure: Failure | None


class Worker:
    """``run`` and ``busy_since`` (monotonic) tell what it does now; guarded by the manager's lock."""

    def __init__(
        self, pool: "Pool", lifecycle: "Lifecycle", name: str, now: float, *, first: Run | None = None
    ) -> None:
        self.pool = pool
        self.name = name
        self.run: Run | None = first
        self.busy_since: float | None = None
        self.stopping = False
        self.orphaned = False
        self.left_behind = False  # its last run goes on elsewhere
        self.meter = BusyMeter(now)
        self.claim = Claim()
        self.wake = threading.Lock()
        self.wake.acquire()
        self.thread_id = 0
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)
        # what the last run left, handed in with the next exchange; no outcome means success with ``data``
        self.outcome: Outcome | None = None
        self.data: Any = None
        self.size = 0
        self.rested = True  # it was idle since its last run, and has to look after the taps of the logs itself
        self._lifecycle = lifecycle
        self.cpu = CpuMeter()

    @property
    def state(self) -> str:
        """What the console shows: idle, busy, stuck or orphaned."""
        if self.orphaned:
            return "orphaned"
        run = self.run
        if run is None:
            return "idle"
        return "stuck" if run.extra is not None and run.extra.stuck else "busy"

    def count_cpu(self, seconds: float) -> None:
        """Count CPU seconds that the present run took in another process."""
        self.cpu.add(seconds)

    def _work(self) -> None:
        self.thread_id = self.claim.thread_id = threading.get_ident()
        self.cpu.begin()
        exchange = self._lifecycle.exchange
        first = self.run  # one that it was made for
        while True:
            try:
                run, first = first or exchange(self), None
                if run is None:
                    return
                if self.rested:  # others may have replaced the taps meanwhile; in a burst nobody does
                    self.rested = False
                    ensure_installed()
                self._perform(run)
            except BaseException as error:
                # only an error of our own comes here; the run must not be left hanging and the worker must live
                logger.critical("worker %s met an error of its own; it goes on", self.name, exc_info=True)
                if self.run is not None:
                    self._judge(error)

    def _perform(self, run: Run) -> None:
        """Execute one attempt; everything a task can do ends up as an outcome."""
        watch = self._lifecycle.watch
        finished = watch(run) if watch is not None else None
        claim = self.claim
        claim.token.append(True)
        try:
            try:
                data = self.pool.engine.submit(run, TaskHandle(run, self._lifecycle))
                if data is None:
                    self.size = 0
                else:
                    self.size = size_of(data)
                    self.data = data
                    data = None
            except BaseException as error:  # noqa: BLE001 - whatever a task raises is its outcome
                self._judge(error)
            try:
                claim.token.pop()  # what leave() does first, written out
            except IndexError:
                claim.leave()
        except HardStop:
            self.outcome = Outcome(RunState.CANCELLED, None, None)
        if finished is not None:
            self._tell(finished)

    def _tell(self, finished: Callable[[str, str | None], None]) -> None:
        """Say how the attempt went to whoever watches; what they raise is theirs."""
        outcome = self.outcome
        state = RunState.SUCCESS if outcome is None else outcome.state
        failure = None if outcome is None else outcome.failure
        try:
            finished(state.value, None if failure is None else failure.text)
        except Exception:
            logger.exception("who watches executions failed")

    def _judge(self, error: BaseException) -> None:
        if isinstance(error, CancelledError | asyncio.CancelledError):
            forget_frames(error)
            self.size = 0
            self.outcome = Outcome(RunState.CANCELLED, None, None)
            return
        if isinstance(error, LeftBehind):
            self.left_behind = self.stopping = True
            return
        if isinstance(error, Reported):
            told = error
            forget_frames(told.error)
            self.size = size_of_error(told.error)
            failure = Failure(kind=told.kind, text=told.text, traceback=told.traceback, retriable=told.retriable)
            self.outcome = Outcome(RunState.ERROR, told.error, failure)
            return
        lost = isinstance(error, ExecutorLost)
        failure = Failure(
            kind=error_type(error),
            text=error_text(error),
            traceback=traceback_text(error, skip_frames_of="octostar_runtime.tasks."),
            retriable=isinstance(error, Exception) and (not isinstance(error, ExecutorLost) or error.gone),
        )
        forget_frames(error)  # frames would keep everything the task had in hand
        self.size = size_of_error(error)
        self.outcome = Outcome(RunState.LOST if lost else RunState.ERROR, error, failure)
