"""Stopping runs: the request, the hard stop, the thread that is given up, the runs that are lost."""

from collections.abc import Iterable

from octostar_runtime.clock import Clock
from octostar_runtime.models.runs import WAITING, RunState
from octostar_runtime.ports import EventSink
from octostar_runtime.tasks.book import RunBook
from octostar_runtime.tasks.deadlines import Due
from octostar_runtime.tasks.moves import CANCELLING, QUEUED, RETRY_WAIT
from octostar_runtime.tasks.run import CancelRequest, Run
from octostar_runtime.tasks.staffing import Staffing
from octostar_runtime.tasks.worker import Worker

CANCELLED = RunState.CANCELLED
#: Seconds a hard-stopped thread has to end before it is replaced.
REPLACE_AFTER_S = 5.0


class Stopping(Staffing):
    """Every public method takes the lock; those starting with ``_`` need it held."""

    def __init__(self, *, node_id: str, clock: Clock, sink: EventSink, book: RunBook, stuck_after_s: float) -> None:
        super().__init__(node_id=node_id, clock=clock, sink=sink, book=book)
        self.stuck_after_s = stuck_after_s
        self.replace_after_s = REPLACE_AFTER_S

    def cancel(self, run: Run, *, reason: str, by: str | None) -> bool:
        """Ask a run to stop; one that has not begun is CANCELLED at once. False when it has ended already."""
        with self.lock:
            asked = self._cancel(run, reason, by)
        self.flush()
        return asked

    def _cancel(self, run: Run, reason: str, by: str | None, *, timeout: bool = False) -> bool:
        if run.ended_mono is not None:
            return False
        now = self._monotonic()
        extra = run.more()
        if extra.cancel is not None:
            if not timeout:
                self._insist(run, extra.cancel, reason, by)
            return True
        request = CancelRequest(
            at_wall=self.clock.time(), at_mono=now, by=by, reason=reason, timeout=timeout, final=not timeout
        )
        extra.cancel = request
        if run.state in WAITING:
            waited = run.state
            request.stopped_mono = now
            self._end(run, CANCELLED, now, run.data, run.result_bytes or 0)
            if waited is QUEUED:
                run.pool.queue.discard(run)
            else:
                run.pool.retry_waiting.discard(run)
                self._deadlines.forget_one()
            return True
        self._move(run, CANCELLING, now)
        if extra.cancel_event is not None:
            extra.cancel_event.set()
        self._plan(now + self.stuck_after_s, Due.STUCK, run)
        self._outbox.append(lambda: run.pool.engine.cancel(run))
        self._changed(run)
        return True

    def _insist(self, run: Run, cancel: CancelRequest, reason: str, by: str | None) -> None:
        """Let no attempt follow a time limit that has struck already, now that somebody wants the run to stop."""
        if cancel.final:
            return
        cancel.final = True
        cancel.by = by
        cancel.reason = f"{cancel.reason}, then {reason}"
        run.seq += 1
        self._changed(run)

    def _check_stuck(self, run: Run, now: float) -> None:
        extra = run.more()
        cancel = extra.cancel
        if cancel is None or extra.stuck:
            return
        answered = cancel.acknowledged_mono
        if answered is not None and now - answered < self.stuck_after_s:
            self._plan(answered + self.stuck_after_s, Due.STUCK, run)
            return
        extra.stuck = True
        run.seq += 1
        self._changed(run)
        self._say("run.stuck", run.run_id, data={"task": str(run.task_id), "for_s": round(now - cancel.at_mono, 1)})

    def hard_stop(self, run: Run, *, by: str | None) -> bool:
        """Raise an exception in the run's thread; asked again, replace the thread. A remote engine ends it itself.

        False when it does not execute.
        """
        with self.lock:
            worker = run.worker
            if run.ended_mono is not None or not isinstance(worker, Worker) or worker.run is not run:
                return False
            self._cancel(run, "hard stop", by)
            extra = run.more()
            if self._stop_hard(run, worker):
                extra.hard_stopped = True
                self._plan(self._monotonic() + self.replace_after_s, Due.REPLACE, run)
                self._say("run.hard_stopped", run.run_id, data={"task": str(run.task_id), "by": by})
            else:
                self._replace(run)
            run.seq += 1
            self._changed(run)
        self.flush()
        return True

    def _stop_hard(self, run: Run, worker: Worker) -> bool:
        engine = run.pool.engine
        if not engine.remote:
            self._outbox.append(lambda: engine.cancel(run))  # wakes an event loop, which would sleep through it
            return worker.claim.stop()
        self._outbox.append(lambda: engine.cancel(run, hard=True))
        return True

    def _replace(self, run: Run) -> None:
        """Give up on the thread of a run: end the run, and put a new worker in its place."""
        worker = run.worker
        if run.ended_mono is not None or not isinstance(worker, Worker) or worker.run is not run:
            return
        now = self._monotonic()
        pool = worker.pool
        worker.orphaned = True
        pool.retire(worker, now)
        pool.orphans.append(worker)
        pool.orphaned_total += 1
        pool.queue.release(run)
        extra = run.more()
        extra.orphaned = True
        timed_out = False
        if extra.cancel is not None:
            extra.cancel.stopped_mono, extra.cancel.ignored = now, True
            timed_out = extra.cancel.timeout
        self._end(run, RunState.TIMED_OUT if timed_out else CANCELLED, now, run.data, run.result_bytes or 0)
        self._say("run.orphaned", run.run_id, data={"task": str(run.task_id), "worker": worker.name})
        if not worker.stopping:
            self.staff(pool)

    def lose(self, runs: Iterable[Run], why: str) -> None:
        """End runs whose executor is given up."""
        with self.lock:
            now = self._monotonic()
            for run in runs:
                if run.ended_mono is None:
                    extra = run.more()
                    extra.error_type, extra.error = "LOST", why
                    self._let_go(run)
                    self._end(run, RunState.LOST, now, RuntimeError(why), 0)
        self.flush()

    def _let_go(self, run: Run) -> None:
        """Take a live run out of whatever holds it: its queue, its wait for a retry, or its engine."""
        if run.state is QUEUED:
            run.pool.queue.discard(run)
        elif run.state is RETRY_WAIT:
            run.pool.retry_waiting.discard(run)
            self._deadlines.forget_one()
        else:
            run.pool.queue.release(run)
            self._outbox.append(lambda: run.pool.engine.cancel(run))
