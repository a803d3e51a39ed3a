"""What a run tells while it executes: intermediate results, progress, what executes it, that it has heard."""

import threading
from typing import Any

from octostar_runtime.errors import CancelledError
from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.deadlines import Due
from octostar_runtime.tasks.handle import UNCHANGED
from octostar_runtime.tasks.moves import CANCELLING, RUNNING, RunMoves
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.sizing import size_of

UNKNOWN = RunState.UNKNOWN


class RunReports(RunMoves):
    """Called by a task's handle, or by what stands for it on this side of another process."""

    def report(
        self,
        run: Run,
        *,
        data: Any = UNCHANGED,
        progress: float | None = None,
        done: float | None = None,
        total: float | None = None,
        message: str | None = None,
    ) -> None:
        """Take an intermediate result and progress; CancelledError when the run was asked to stop."""
        size = 0 if data is UNCHANGED else size_of(data)
        with self.lock:
            previous = run.data  # kept until the lock is free: what it does when it goes is its own affair
            if run.cancel_requested or run.ended_mono is not None:
                self._acknowledge(run, raised=True)
                raise CancelledError(f"task {run.task_id!r} was asked to stop")
            self._note(run, data, size, progress, done, total, message)
        del previous
        if self._outbox:
            self.flush()

    def hear(
        self,
        run: Run,
        *,
        data: Any,
        progress: float | None,
        done: float | None,
        total: float | None,
        message: str | None,
    ) -> None:
        """Take what a run in another process told before it could know that it was asked to stop."""
        size = 0 if data is UNCHANGED else size_of(data)
        with self.lock:
            previous = run.data
            if run.ended_mono is None:
                self._note(run, data, size, progress, done, total, message)
        del previous
        self.flush()

    def _note(
        self,
        run: Run,
        data: Any,
        size: int,
        progress: float | None,
        done: float | None,
        total: float | None,
        message: str | None,
    ) -> None:
        if data is not UNCHANGED:
            run.data, run.result_bytes = data, size
        if progress is not None or done is not None or message is not None:
            extra = run.more()
            extra.progress = progress if progress is not None else extra.progress
            extra.done, extra.total = done, total
            extra.message = message if message is not None else extra.message
        run.seq += 1
        self._changed(run)

    def lose_sight(self, run: Run) -> None:
        """Note that what executes a run cannot be reached now."""
        with self.lock:
            if run.state in (RUNNING, CANCELLING):
                self._move(run, UNKNOWN, self._monotonic())
                self._changed(run)
                self._say("run.unknown", run.run_id, data={"task": str(run.task_id)})
        self.flush()

    def see_again(self, run: Run) -> None:
        """Note that what executes a run can be reached again; what fell due meanwhile is done now."""
        with self.lock:
            if run.state is not UNKNOWN:
                return
            now = self._monotonic()
            self._move(run, CANCELLING if run.cancel_requested else RUNNING, now)
            self._changed(run)
            self._say("run.found", run.run_id, data={"task": str(run.task_id)})
            if run.options.timeout_s is not None and run.started_mono is not None and not run.cancel_requested:
                self._plan(max(now, run.started_mono + run.options.timeout_s), Due.TIMEOUT, run)
        self.flush()

    def executes_on(self, run: Run, executor: str) -> None:
        """Note what executes a run, for people."""
        with self.lock:
            run.more().executor = executor
            run.seq += 1
            self._changed(run)
        self.flush()

    def executes_at(self, run: Run, elsewhere: str) -> None:
        """Note where a run goes on when this process ends, so that another can take it over."""
        with self.lock:
            run.more().elsewhere = elsewhere
            run.seq += 1
            self._changed(run)
        self.flush()

    def acknowledge(self, run: Run, *, raised: bool = False) -> None:
        """Note that the task has seen that it was asked to stop."""
        with self.lock:
            self._acknowledge(run, raised=raised)
        if self._outbox:
            self.flush()

    def _acknowledge(self, run: Run, *, raised: bool) -> None:
        cancel = run.extra.cancel if run.extra is not None else None
        if cancel is None or run.ended_mono is not None:
            return
        cancel.raised = cancel.raised or raised
        if cancel.acknowledged_mono is None:
            cancel.acknowledged_mono = self._monotonic()
            run.seq += 1
            self._changed(run)

    def cancel_event(self, run: Run) -> threading.Event:
        """Return the event that is set when the run is asked to stop, made at the first need."""
        with self.lock:
            extra = run.more()
            if extra.cancel_event is None:
                extra.cancel_event = threading.Event()
                if extra.cancel is not None or run.ended_mono is not None:
                    extra.cancel_event.set()
            return extra.cancel_event
