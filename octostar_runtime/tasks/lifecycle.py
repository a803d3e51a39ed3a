"""The way of a run through its pool: queued, handed to a worker, ended, perhaps tried again.

Submitting threads, workers, the timer and operators meet here, under the one lock of :mod:`.moves`.
"""

from collections.abc import Callable

from octostar_runtime.clock import Clock
from octostar_runtime.ids import BurstMint
from octostar_runtime.models.runs import RunState
from octostar_runtime.ports import EventSink
from octostar_runtime.tasks.book import RunBook, measure
from octostar_runtime.tasks.capture import ensure_installed
from octostar_runtime.tasks.deadlines import Due
from octostar_runtime.tasks.moves import QUEUED, RETRY_WAIT
from octostar_runtime.tasks.patience import let_go_on, take_after
from octostar_runtime.tasks.pool import Pool
from octostar_runtime.tasks.reports import RunReports
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.stopping import Stopping
from octostar_runtime.tasks.verdict import judged
from octostar_runtime.tasks.worker import Outcome, Worker

#: Called on the worker's thread before an attempt; what it returns is called after it with the state and the error.
Watch = Callable[[Run], Callable[[str, str | None], None] | None]
SUCCESS = RunState.SUCCESS


class Lifecycle(RunReports, Stopping):
    """Every public method takes the lock; those starting with ``_`` need it held."""

    def __init__(self, *, node_id: str, clock: Clock, sink: EventSink, book: RunBook, stuck_after_s: float) -> None:
        super().__init__(node_id=node_id, clock=clock, sink=sink, book=book, stuck_after_s=stuck_after_s)
        self.late_results = 0
        self.watch: Watch | None = None
        self._mint = BurstMint().next

    # Queueing

    def admit(self, run: Run) -> str:
        """Queue a new run, superseding the live one of its task, and return its id. Never waits.

        QueueFull, ManagerClosed. The hot path of every submit, so it is written out rather than divided up.
        """
        pool, book, key = run.pool, self.book, run.key
        worker = None
        lock = self.lock
        if lock.locked():
            let_go_on(lock)
        try:
            with lock:
                if not pool.ready:
                    self._make_ready(pool)
                queue = pool.queue
                waiting = queue.size
                if waiting >= pool.queue_limit or pool.retry_waiting:
                    self._refuse_when_full(pool)
                if pool.idle and not pool.waking and pool.open:
                    pool.waking = True
                    worker = pool.idle.pop()
                run_id = run.run_id = self._mint(run.queued_wall)
                previous = book.newest.get(key)
                if previous is not None and previous.ended_mono is None:
                    previous.more().superseded_by = run_id
                    self._cancel(previous, "superseded", None)
                book.newest[key] = run
                book.live.add(run)
                if book.tracking:
                    run.dirty = True
                    book.noted(run)
                    if self.listeners and book.changes_waiting == 1:
                        self._outbox.append(self._poke_listeners)
                if worker is not None and not waiting and queue.per_session_limit is None:
                    worker.run = run  # nobody is passed over; it stays queued until the worker begins it
                    worker.rested = False
                    ensure_installed()
                else:
                    session = run.session_id
                    queue.add(run, session if session is not None else run.user)
        finally:
            if worker is not None:
                worker.wake.release()  # also when something was raised; and not before it can have the lock
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
            now = self._monotonic()
            worker = self._new_worker(pool, now, run)
            worker.busy_since = run.started_mono if run.started_mono is not None else now
            worker.stopping = True  # it ends with this run
            run.worker = worker
            self.book.newest[run.key] = run
            self.book.live.add(run)
            pool.workers.append(worker)
            if run.options.timeout_s is not None:
                self._plan(max(now, worker.busy_since + run.options.timeout_s), Due.TIMEOUT, run)
            self._changed(run)
            self._say("run.taken_over", run.run_id, data={"task": str(run.task_id), "name": run.name})
        worker.thread.start()
        self.flush()

    # What workers do

    def _new_worker(self, pool: Pool, now: float, first: Run | None = None) -> Worker:
        pool.workers_made += 1
        return Worker(pool, self, f"octostar-{pool.name}-{pool.workers_made}", now, first=first)

    def exchange(self, worker: Worker) -> Run | None:
        """Hand in what the worker has done and take the next run; waits while there is none. None: end.

        The hot path of every run, so it is written out rather than divided up.
        """
        pool, lock = worker.pool, self.lock
        while True:
            if not lock.acquire(False):
                take_after(lock)
            try:
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
                # who found nothing wakes nobody: what waits may belong to sessions that have all they may
                if (run is not None or leaving) and pool.idle and not pool.waking and pool.queue.size and pool.open:
                    pool.waking = True
                    pool.idle.pop().wake.release()
            finally:
                lock.release()
            if self._outbox:
                self.flush()
            if run is not None or leaving:
                return run
            worker.rested = True
            worker.wake.acquire()  # until there is something to do
            if not lock.acquire(False):
                take_after(lock)
            try:
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
            finally:
                lock.release()
            if self._outbox:
                self.flush()
            if run is not None:
                return run

    def _finish(self, worker: Worker, now: float) -> None:
        """Take the outcome that the worker holds, and judge it."""
        run, outcome, data, started = worker.run, worker.outcome, worker.data, worker.busy_since
        assert run is not None
        assert started is not None
        worker.run = worker.busy_since = worker.outcome = worker.data = None
        if worker.left_behind or run.ended_mono is not None or worker.orphaned:
            self.late_results += not worker.left_behind
            worker.cpu.end(started, now)
            self.book.file()
            worker.meter.record(run.run_id, run.name, started, now)
            return
        if run.extra is None and outcome is None:
            self._end(run, SUCCESS, now, data, worker.size, worker.meter)
        else:
            self._settle(run, outcome or Outcome(SUCCESS, data, None), now, worker)
        run.cpu_s = worker.cpu.end(started, now)
        if run.group is not None:
            worker.pool.queue.release(run)
        if run.options.timeout_s is not None:
            self._deadlines.forget_one()

    def _settle(self, run: Run, outcome: Outcome, now: float, worker: Worker) -> None:
        """Judge an execution that was asked to stop, or raised, or may try again."""
        state, data = judged(run, outcome, now, may_retry=not self.closed)
        if state is RETRY_WAIT:
            self.book.file()
            measure(run, worker.meter, now)
            self._wait_for_retry(run, now)
        else:
            kept_partial = data is run.data and data is not None
            size = (run.result_bytes or 0) if kept_partial else worker.size
            self._end(run, state, now, data, size, worker.meter)

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

    # Trying again, and other things that fall due

    def _wait_for_retry(self, run: Run, now: float) -> None:
        self._move(run, RETRY_WAIT, now)
        run.worker = getattr(run.worker, "name", run.worker)
        if run.extra is not None:
            run.extra.elsewhere = None
        run.pool.retry_waiting.add(run)
        self._plan(now + run.options.backoff_before(run.attempt + 1), Due.RETRY, run)
        self._changed(run)

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
