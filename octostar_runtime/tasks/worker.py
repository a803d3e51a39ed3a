"""A worker: one slot of a pool, a thread that takes runs until it is told to stop. Nothing a task does ends it."""

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from octostar_runtime.errors import CancelledError
from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.capture import ensure_installed
from octostar_runtime.tasks.describe import error_text, error_type, forget_frames, traceback_text
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.hard_stop import Claim, HardStop
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.sizing import size_of
from octostar_runtime.tasks.utilisation import BusyMeter

if TYPE_CHECKING:
    from octostar_runtime.tasks.lifecycle import Lifecycle
    from octostar_runtime.tasks.pool import Pool

logger = logging.getLogger(__name__)
_thread_time = getattr(time, "thread_time", time.process_time)


class Failure(NamedTuple):
    """The error a run raised, as text, and whether another try makes sense."""

    kind: str
    text: str
    traceback: str
    retriable: bool


class Outcome(NamedTuple):
    """How one execution of a run ended, before the manager has judged it."""

    run: Run
    state: RunState
    data: Any
    size: int
    failure: Failure | None
    cpu_s: float


class Worker:
    """``run`` and ``busy_since`` (monotonic) tell what it does now; guarded by the manager's lock."""

    def __init__(self, pool: "Pool", lifecycle: "Lifecycle", name: str, now: float) -> None:
        self.pool = pool
        self.name = name
        self.run: Run | None = None
        self.busy_since: float | None = None
        self.stopping = False
        self.orphaned = False
        self.meter = BusyMeter(now)
        self.claim = Claim()
        self.wake = threading.Lock()
        self.wake.acquire()
        self.thread_id = 0
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._lifecycle = lifecycle
        self._cpu = 0.0

    @property
    def state(self) -> str:
        """What the console shows: idle, busy, stuck or orphaned."""
        if self.orphaned:
            return "orphaned"
        run = self.run
        if run is None:
            return "idle"
        return "stuck" if run.extra is not None and run.extra.stuck else "busy"

    def _work(self) -> None:
        self.thread_id = self.claim.thread_id = threading.get_ident()
        self._cpu = _thread_time()
        exchange = self._lifecycle.exchange
        outcome: Outcome | None = None
        while True:
            try:
                run = exchange(self, outcome)
                outcome = None
                if run is None:
                    return
                ensure_installed()
                outcome = self._perform(run)
            except BaseException as error:
                # only an error of our own comes here; the run must not be left hanging and the worker must live
                logger.critical("worker %s met an error of its own; it goes on", self.name, exc_info=True)
                failed = self.run
                outcome = None if failed is None else self._judge(failed, error)

    def _perform(self, run: Run) -> Outcome:
        """Execute one attempt; everything a task can do ends up as an outcome."""
        claim = self.claim
        claim.enter()
        try:
            try:
                data = self.pool.engine.submit(run, TaskHandle(run, self._lifecycle))
                outcome = Outcome(
                    run, RunState.SUCCESS, data, 0 if data is None else size_of(data), None, self._cpu_since()
                )
            except BaseException as error:  # noqa: BLE001 - whatever a task raises is its outcome
                outcome = self._judge(run, error)
            claim.leave()
        except HardStop:
            outcome = Outcome(run, RunState.CANCELLED, None, 0, None, self._cpu_since())
        return outcome

    def _judge(self, run: Run, error: BaseException) -> Outcome:
        if isinstance(error, CancelledError | asyncio.CancelledError):
            forget_frames(error)
            return Outcome(run, RunState.CANCELLED, None, 0, None, self._cpu_since())
        failure = Failure(
            kind=error_type(error),
            text=error_text(error),
            traceback=traceback_text(error, skip_frames_of="octostar_runtime.tasks."),
            retriable=isinstance(error, Exception),
        )
        forget_frames(error)  # frames would keep everything the task had in hand
        return Outcome(run, RunState.ERROR, error, size_of(error), failure, self._cpu_since())

    def _cpu_since(self) -> float:
        """CPU seconds of this thread since the last call; one clock call per run."""
        before, self._cpu = self._cpu, _thread_time()
        return self._cpu - before
