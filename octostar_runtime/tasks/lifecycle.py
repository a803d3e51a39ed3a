"""The state machine of runs: every change of a run's state is made here, under one lock, by the one table.

Submitting threads, workers, the timer and operators meet here. Nothing foreign is called while the lock is held:
events, engine calls and listeners wait in an outbox until it is free again.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from octostar_runtime.clock import Clock
from octostar_runtime.errors import CancelledError, InvalidTransition, ManagerClosed, QueueFull
from octostar_runtime.ids import BurstMint
from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import TERMINAL, TRANSITIONS, RunState
from octostar_runtime.periodic import DeadlineThread
from octostar_runtime.ports import EventSink
from octostar_runtime.tasks.book import RunBook
from octostar_runtime.tasks.deadlines import Deadlines, Due
from octostar_runtime.tasks.handle import UNCHANGED
from octostar_runtime.tasks.pool import MEASURED_AT_ONCE, Pool
from octostar_runtime.tasks.run import CancelRequest, Run
from octostar_runtime.tasks.sizing import size_of
from octostar_runtime.tasks.verdict import judged
from octostar_runtime.tasks.worker import Outcome, Worker

logger = logging.getLogger(__name__)
#: Called on the worker's thread before an attempt; what it returns is called after it with the state and the error.
Watch = Callable[[Run], Callable[[str, str | None], None] | None]
QUEUED, RUNNING, CANCELLING, RETRY_WAIT = RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING, RunState.RETRY_WAIT
UNKNOWN = RunState.UNKNOWN
SUCCESS, ERROR, CANCELLED = RunState.SUCCESS, RunState.ERROR, RunState.CANCELLED
#: Seconds a hard-stopped thread has to end before it is replaced.
REPLACE_AFTER_S = 5.0


class Lifecycle:
    """See the module. Every public method takes the lock; those starting with ``_`` need it held."""

    def __init__(self, *, node_id: str, clock: Clock, sink: EventSink, book: RunBook, stuck_after_s: float) -> None:
        self.lock = threading.Lock()
        self.book = book
        self.closed = False
        self.stuck_after_s = stuck_after_s
        self.replace_after_s = REPLACE_AFTER_S
        self.late_results = 0
        self.listener_failures = 0
        self.listeners: tuple[Callable[[], object], ...] = ()
        self.watch: Watch | None = None
        self.clock = clock
        self._node_id = node_id
        self._sink = sink
        self._monotonic = clock.monotonic
        self._outbox: deque[Callable[[], object]] = deque()
        book.later = self._outbox.append
        self._deadlines = Deadlines(_still_wanted)
        self._timer = DeadlineThread("octostar-task-timer", self.tick)
        self._expiry_planned = False
        self._mint = BurstMint().next

    # Queueing

    def admit(self, run: Run) -> str:
        """Queue a new run, superseding the live one of its task, and return its id. Never waits.

        QueueFull, ManagerClosed. The hot path of every submit, so it is written out rather than divided up.
        """
        pool, book, key = run.pool, self.book, run.key
        with self.lock:
            if not pool.ready:
                self._make_ready(pool)
            queue = pool.queue
            if queue.size + len(pool.retry_waiting) >= pool.queue_limit:
                self._refuse(pool)
            run_id = run.run_id = self._mint(run.queued_wall)
            previous = book.latest.get(key)
            if previous is not None and previous.ended_mono is None:
                previous.more().superseded_by = run_id
                self._cancel(previous, "superseded", None)
            book.runs[run_id] = book.latest[key] = run
            if book.tracking:
                run.dirty = True
                book.noted(run)
                if self.listeners and book.changes_waiting == 1:
                    self._outbox.append(self._poke_listeners)
            if pool.idle and not queue.size and not pool.waking and pool.open and queue.per_session_limit is None:
                worker = pool.idle.pop()  # nobody waits, so nobody is passed over: straight to a worker
                worker.run = run  # queued, until the worker begins it
                pool.waking = True
                worker.wake.release()
            else:
                session = run.session_id
                queue.add(run, session if session is not None else run.user)
                if pool.idle and not pool.waking and pool.open:
                    pool.waking = True
                    pool.idle.pop().wake.release()
        if self._outbox:
            self.flush()
        return run_id

    def take_over(self, run: Run) -> None:
        """Follow a run that another process has sent to where the pool's engine executes, in a slot of its own.

        The slot comes on top of the pool's size: the cluster executes the run already. ManagerClosed.
        """
        pool = run.pool
        with self.lock:
            if not pool.ready:
                self._make_ready(pool)
            pool.workers_made += 1
            now = self._monotonic()
            worker = Worker(pool, self, f"octostar-{pool.name}-{pool.workers_made}", now, first=run)
            worker.busy_since = run.started_mono if run.started_mono is not None else now
            worker.stopping = True  # it ends with this run
            run.worker = worker
            self.book.runs[run.run_id] = self.book.latest[run.key] = run
            pool.workers.append(worker)
            if run.options.timeout_s is not None:
                self._plan(max(now, worker.busy_since + run.options.timeout_s), Due.TIMEOUT, run)
            self._changed(run)
            self._say("run.taken_over", run.run_id, data={"task": str(run.task_id), "name": run.name})
        worker.thread.start()
        self.flush()

    def _make_ready(self, pool: Pool) -> None:
        if self.closed or pool.state == "closed":
            raise ManagerClosed(f"pool {pool.name!r} is closed and takes no more work; submit to a new one")
        if pool.state == "draining":
            raise ManagerClosed(f"pool {pool.name!r} is draining for a restart; resume it, or submit elsewhere")
        if pool.state == "released":
            pool.state, pool.open = "open", True
        if not pool.started:
            pool.started = True
            pool.engine.start()
            self._timer.start()
        self.staff(pool)
        if not pool.workers:
            pool.started = False
            raise ManagerClosed(f"pool {pool.name!r} cannot start a thread: the system refuses more; end some, or wait")
        staying = sum(not worker.stopping for worker in pool.workers)
        pool.ready = staying >= pool.size  # with fewer, the next submit tries again

    def _refuse(self, pool: Pool) -> None:
        pool.rejected += 1
        if pool.rejected == 1:
            self._say("pool.queue_full", pool.name, data={"limit": pool.queue_limit})
        raise QueueFull(
            f"{pool.queue_limit} runs wait in pool {pool.name!r} already; try again later, or raise its queue_limit",
            limit=pool.queue_limit,
        )

    def staff(self, pool: Pool) -> None:
        """Make the number of workers match the pool's size. Call it with the lock held."""
        staying = [worker for worker in pool.workers if not worker.stopping]
        for worker in [w for w in pool.workers if w.stopping and w not in pool.idle]:
            if len(staying) < pool.size:  # it was to end with its run; now it may stay
                worker.stopping = False
                staying.append(worker)
        for _ in range(pool.size - len(staying) if pool.started else 0):
            pool.workers_made += 1
            worker = Worker(pool, self, f"octostar-{pool.name}-{pool.workers_made}", self._monotonic())
            try:
                worker.thread.start()
            except RuntimeError:
                logger.exception("pool %s goes on with %d of %d threads", pool.name, len(pool.workers), pool.size)
                break
            pool.workers.append(worker)
        surplus = len(staying) - pool.size
        if surplus > 0:
            self._dismiss(pool, sorted(staying, key=lambda worker: worker.run is not None)[:surplus])

    def _dismiss(self, pool: Pool, workers: Iterable[Worker]) -> None:
        """Tell workers to end; a busy one ends its run first."""
        for worker in workers:
            worker.stopping = True
            if worker in pool.idle:
                pool.idle.remove(worker)
                worker.wake.release()

    # What workers do

    def exchange(self, worker: Worker) -> Run | None:
        """Hand in what the worker has done and take the next run; waits while there is none. None: end.

        The hot path of every run, so it is written out rather than divided up.
        """
        pool, lock = worker.pool, self.lock
        while True:
            with lock:
                now = self._monotonic()
                if worker.run is not None:
                    self._finish(worker, now)
                run = None
                leaving = worker.stopping or worker.orphaned
                if leaving:
                    self._leave(worker, now)
                else:
                    if pool.abandoned and worker in pool.idle:  # it was woken without being taken off the list
                        pool.idle.remove(worker)
                    run = pool.queue.take() if pool.open and pool.queue.size else None
                    if run is not None:
                        self._begin(worker, run, now)
                    elif pool.abandoned and not pool.queue.size and not pool.retry_waiting:
                        self._shut(pool)
                        continue
                    else:
                        pool.idle.append(worker)
                if pool.idle and not pool.waking and pool.queue.size and pool.open:
                    pool.waking = True
                    pool.idle.pop().wake.release()
            if self._outbox:
                self.flush()
            if run is not None or leaving:
                return run
            worker.wake.acquire()  # until there is something to do
            worker.rested = True
            with lock:
                pool.waking = False
                run = worker.run
                if run is None:
                    continue
                # it came straight from who submitted it
                if run.state is QUEUED:
                    self._begin(worker, run, self._monotonic())
                else:  # and was cancelled meanwhile
                    run = worker.run = None
                if pool.queue.size and pool.open:
                    pool.wake_one()
            if self._outbox:
                self.flush()
            if run is not None:
                return run

    def _begin(self, worker: Worker, run: Run, now: float) -> None:
        """The one way into execution."""
        if RUNNING not in TRANSITIONS[run.state]:
            raise InvalidTransition(f"a run that is {run.state} cannot start")
        run.state = RUNNING
        run.seq += 1
        run.started_mono = worker.busy_since = now
        run.worker = worker
        worker.run = run
        if run.options.timeout_s is not None:
            self._plan(now + run.options.timeout_s, Due.TIMEOUT, run)
        if run.extra is not None and run.extra.history is not None:
            run.extra.history.append((RUNNING, now))
        if not run.dirty and self.book.tracking:
            self._changed(run)

    def _finish(self, worker: Worker, now: float) -> None:
        """Take the outcome that the worker holds, and judge it."""
        run, pool, outcome = worker.run, worker.pool, worker.outcome
        started = worker.busy_since
        assert run is not None
        assert started is not None
        data, worker.data = worker.data, None
        worker.run = worker.busy_since = worker.outcome = None
        if worker.left_behind:
            worker.cpu.end(started, now)
            pool.measure()
            worker.meter.record(run.run_id, run.name, started, now)
            return
        if run.ended_mono is not None or worker.orphaned:
            self.late_results += 1
            worker.cpu.end(started, now)
            pool.measure()
            worker.meter.record(run.run_id, run.name, started, now)
            return
        if run.extra is None and outcome is None:
            self._end(run, SUCCESS, now, data, worker.size)
        else:
            self._settle(run, outcome or Outcome(SUCCESS, data, None), now, worker.size)
        run.cpu_s = worker.cpu.end(started, now)
        if run.group is not None:
            pool.queue.release(run)
        unmeasured = pool.unmeasured
        unmeasured.append((worker.meter, run.run_id, run.name, run.ready_mono, started, now))
        if len(unmeasured) >= MEASURED_AT_ONCE:
            pool.measure()
        if run.options.timeout_s is not None:
            self._deadlines.forget_one()

    def _settle(self, run: Run, outcome: Outcome, now: float, size: int) -> None:
        """Judge an execution that was asked to stop, or raised, or may try again."""
        state, data = judged(run, outcome, now, may_retry=not self.closed)
        if state is RETRY_WAIT:
            self._wait_for_retry(run, now)
        else:
            kept_partial = data is run.data and data is not None
            self._end(run, state, now, data, (run.result_bytes or 0) if kept_partial else size)

    def _leave(self, worker: Worker, now: float) -> None:
        pool = worker.pool
        if worker.orphaned:
            if worker in pool.orphans:
                pool.orphans.remove(worker)
        elif worker in pool.workers:
            pool.retire(worker, now)
        if not pool.started:
            if not pool.workers:
                self._outbox.append(pool.engine.stop)
        elif pool.remote:
            self._outbox.append(pool.engine.start)

    def _end(self, run: Run, state: RunState, now: float, data: Any, size: int) -> None:
        """The one way into a terminal state."""
        if state not in TRANSITIONS[run.state]:
            raise InvalidTransition(f"a run that is {run.state} cannot become {state}")
        run.state = state
        run.seq += 1
        run.ended_mono = now
        if run.data is not None and run.data is not data:
            self._outbox.append([run.data].clear)
        run.data = data
        run.result_bytes = size
        waiters = run.waiters
        if waiters is not None:  # their threads take a while to wake up, and then find the rest of this done
            run.waiters = None
            for waiter in waiters:
                waiter.release()
        run.context = None
        worker = run.worker
        if worker.__class__ is Worker:
            run.worker = worker.name
        extra = run.extra
        if extra is not None:
            if extra.history is not None:
                extra.history.append((state, now))
            if extra.cancel_event is not None:
                extra.cancel_event.set()
            extra.stuck = False
            extra.packed = extra.elsewhere = None
        book = self.book
        book.retire(run)
        if not run.dirty and book.tracking:
            self._changed(run)
        if not self._expiry_planned:
            self._expiry_planned = True
            self._timer.poke()
        if state in _TOLD:
            self._tell_end(run, state)

    def _wait_for_retry(self, run: Run, now: float) -> None:
        self._move(run, RETRY_WAIT, now)
        run.worker = getattr(run.worker, "name", run.worker)
        if run.extra is not None:
            run.extra.elsewhere = None
        run.pool.retry_waiting.add(run)
        self._plan(now + run.options.backoff_before(run.attempt + 1), Due.RETRY, run)
        self._changed(run)

    # Reports of a task

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

    # Stopping

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
        if run.state in (QUEUED, RETRY_WAIT):
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

    # Time

    def tick(self) -> float | None:
        """Do what is due; return the seconds until the next thing is, None when nothing is planned."""
        with self.lock:
            now = self._monotonic()
            while (due := self._deadlines.pop_due(now)) is not None:
                self._act(*due, now)
            self.book.expire(now)
            planned = [at for at in (self._deadlines.next_at(), self.book.next_expiry()) if at is not None]
            self._expiry_planned = self.book.next_expiry() is not None
        self.flush()
        return max(0.0, min(planned) - self._monotonic()) if planned else None

    def _act(self, what: Due, run: Run, now: float) -> None:
        if what is Due.TIMEOUT:
            self._cancel(run, f"timed out after {run.options.timeout_s:g} s", None, timeout=True)
        elif what is Due.RETRY:
            self._retry_now(run, now)
        elif what is Due.REPLACE:
            self._replace(run)
        else:
            self._check_stuck(run, now)

    def _retry_now(self, run: Run, now: float) -> None:
        run.pool.retry_waiting.discard(run)
        run.attempt += 1
        self._move(run, QUEUED, now)
        run.ready_mono = now
        run.pool.queue.add(run, run.session_id if run.session_id is not None else run.user)
        self._changed(run)
        if run.pool.open:
            run.pool.wake_one()

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

    def _plan(self, when: float, what: Due, run: Run) -> None:
        if self._deadlines.add(when, what, run):
            self._timer.poke()

    # Closing

    def shut(self, pool: Pool) -> None:
        """Let a pool take no more work and its workers end with what they run."""
        with self.lock:
            self._shut(pool)

    def _shut(self, pool: Pool) -> None:
        pool.state, pool.open, pool.started, pool.ready = "closed", False, False, False
        self._dismiss(pool, list(pool.workers))

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

    def stop_timer(self, timeout_s: float) -> None:
        """End the timer's thread."""
        self._timer.stop(timeout_s)

    # Telling others

    def _move(self, run: Run, state: RunState, now: float) -> None:
        """Make a move other than the usual queued, running, ended; such runs keep their whole history."""
        if state not in TRANSITIONS[run.state]:
            raise InvalidTransition(f"a run that is {run.state} cannot become {state}")
        extra = run.more()
        if extra.history is None:
            extra.history = [(QUEUED, run.queued_mono)]
            if run.started_mono is not None:
                extra.history.append((RUNNING, run.started_mono))
        if len(extra.history) < _HISTORY:
            extra.history.append((state, now))
        run.state = state
        run.seq += 1

    def _changed(self, run: Run) -> None:
        book = self.book
        if book.tracking and not run.dirty:
            book.changed(run)
            if self.listeners and book.changes_waiting == 1:
                self._outbox.append(self._poke_listeners)

    def _poke_listeners(self) -> None:
        for listener in self.listeners:
            try:
                listener()
            except Exception:
                self.listener_failures += 1
                logger.exception("a listener to task changes failed; it will be called again")

    def _tell_end(self, run: Run, state: RunState) -> None:
        extra = run.extra
        data: dict[str, object] = {"task": str(run.task_id), "name": run.name, "user": run.user}
        if extra is not None and extra.error is not None:
            data["error"] = extra.error[:200]
        reason = extra.cancel.reason if extra is not None and extra.cancel is not None else None
        self._say(f"run.{_TOLD[state]}", run.run_id, reason=reason, data=data)

    def _say(self, kind: str, subject: str, *, reason: str | None = None, data: dict[str, object]) -> None:
        at = self.clock.time()
        self._outbox.append(
            lambda: self._sink.publish(
                Event(kind=kind, subject=subject, at=at, node_id=self._node_id, reason=reason, data=data)
            )
        )

    def say(self, kind: str, subject: str, **data: object) -> None:
        """Publish an event about a pool."""
        self._say(kind, subject, data=data)
        self.flush()

    def flush(self) -> None:
        """Do what waited for the lock to be free."""
        outbox = self._outbox
        while outbox:
            try:
                call = outbox.popleft()
            except IndexError:
                return
            try:
                call()
            except Exception:
                logger.exception("telling others about a change of a task failed")


_HISTORY = 500
_TOLD = {
    RunState.ERROR: "failed",
    RunState.CANCELLED: "cancelled",
    RunState.TIMED_OUT: "timed_out",
    RunState.LOST: "lost",
}


def _still_wanted(what: Due, run: Run, attempt: int) -> bool:
    """Whether a deadline still means something for its run."""
    if run.state in TERMINAL or run.attempt != attempt:
        return False
    if what is Due.TIMEOUT:
        return run.state is RUNNING
    if what is Due.RETRY:
        return run.state is RETRY_WAIT
    return run.state is CANCELLING
