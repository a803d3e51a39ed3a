"""A pool: its waiting line, its workers, and what is measured of them. Plain data, guarded by the manager's lock."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from octostar_runtime.models.pools import BusySpan, PoolRecord, WorkerRecord
from octostar_runtime.tasks.engine import Engine
from octostar_runtime.tasks.fair_queue import FairQueue
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.utilisation import WINDOW_S, BusyMeter, SpreadMeter

if TYPE_CHECKING:
    from octostar_runtime.tasks.worker import Worker

WINDOWS_S = (60.0, 300.0, WINDOW_S)
_RETIRED = 200


class Pool:
    """One named pool. ``lock`` is the manager's; ``changed`` tells it that a run has."""

    def __init__(
        self,
        *,
        name: str,
        size: int,
        engine: Engine,
        queue_limit: int,
        per_session_limit: int | None,
        lock: Any,
        changed: Callable[[Run], None],
    ) -> None:
        self.name = name
        self.size = size
        self.engine = engine
        self.remote = engine.remote
        self.queue_limit = queue_limit
        self.lock = lock
        self.changed = changed
        self.queue = FairQueue(per_session_limit)
        self.open = True  # whether queued runs may start
        self.state = "open"
        self.started = False
        self.ready = False  # started, and takes work: what a submit looks at
        self.abandoned = False  # nobody can submit any more: end when the work is done
        self.workers: list[Worker] = []
        self.idle: list[Worker] = []  # the last to fall idle is the first to be woken
        self.waking = False  # a woken worker is on its way to the queue
        self.orphans: list[Worker] = []
        self.orphaned_total = 0
        self.workers_made = 0
        self.retry_waiting: set[Run] = set()
        self.rejected = 0
        self.spread = SpreadMeter()
        self._retired: deque[tuple[BusyMeter, float]] = deque(maxlen=_RETIRED)

    def wake_one(self) -> None:
        """Wake an idle worker unless one is on its way; that one wakes the next when there is more to do."""
        if self.idle and not self.waking:
            self.waking = True
            self.idle.pop().wake.release()

    def executing(self) -> list[Run]:
        """Return the runs that workers have now."""
        return [run for worker in self.workers if (run := worker.run) is not None]

    def retire(self, worker: "Worker", now: float) -> None:
        """Take a worker off the list, keeping what it did for the pool's utilisation."""
        self.workers.remove(worker)
        self._retired.append((worker.meter, now))

    def record(self, node_id: str, now: float, wall: float) -> PoolRecord:
        """Return the pool frozen at this moment."""
        offset = wall - now
        workers = [_worker_record(worker, now, offset) for worker in self.workers]
        orphans = [_worker_record(worker, now, offset) for worker in self.orphans]
        shares = [self._share(window_s, now) for window_s in WINDOWS_S]
        wait, run = self.spread.spreads(now)
        return PoolRecord(
            name=self.name,
            node_id=node_id,
            engine=self.engine.name,
            size=self.size,
            busy=len(self.executing()),
            queued=self.queue.size,
            queue_limit=self.queue_limit,
            per_session_limit=self.queue.per_session_limit,
            state=self.state,
            stuck=sum(1 for worker in workers if worker.state == "stuck"),
            orphaned=len(orphans),
            busy_1m=shares[0],
            busy_5m=shares[1],
            busy_15m=shares[2],
            wait=wait,
            run=run,
            workers=(*workers, *orphans),
            rejected=self.rejected,
            waiting_retry=len(self.retry_waiting),
            orphaned_total=self.orphaned_total,
        )

    def _share(self, window_s: float, now: float) -> float:
        """Busy seconds of all workers in the window ÷ the seconds they were there."""
        begin = now - window_s
        busy = there = 0.0
        for worker in self.workers:
            since = max(begin, worker.meter.born)
            busy += worker.meter.busy_between(since, now, worker.busy_since)
            there += now - since
        for meter, until in self._retired:
            since = max(begin, meter.born)
            if until > since:
                busy += meter.busy_between(since, until, None)
                there += until - since
        return min(1.0, busy / there) if there > 0 else 0.0


def _worker_record(worker: "Worker", now: float, offset: float) -> WorkerRecord:
    run, since = worker.run, worker.busy_since
    spans = [
        BusySpan(run_id=run_id, name=name, started_at=started + offset, ended_at=ended + offset)
        for run_id, name, started, ended in worker.meter.stretches()
    ]
    if run is not None and since is not None:
        spans.append(BusySpan(run_id=run.run_id, name=run.name, started_at=since + offset))
    shares = [worker.meter.share(window_s, now, since) for window_s in WINDOWS_S]
    return WorkerRecord(
        name=worker.name,
        state=worker.state,
        run_id=run.run_id if run is not None else None,
        since=since + offset if since is not None else None,
        busy_1m=shares[0],
        busy_5m=shares[1],
        busy_15m=shares[2],
        runs=worker.meter.runs,
        spans=tuple(spans),
    )
