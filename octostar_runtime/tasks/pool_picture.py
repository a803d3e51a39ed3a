"""A pool frozen at one moment: taken under the manager's lock in a few steps, made into a record without it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from octostar_runtime.models.pools import BusySpan, PoolRecord, WorkerRecord
from octostar_runtime.tasks.pool import Pool
from octostar_runtime.tasks.utilisation import WINDOW_S, run_times, waits

if TYPE_CHECKING:
    from octostar_runtime.tasks.worker import Worker

WINDOWS_S = (60.0, 300.0, WINDOW_S)


class WorkerPicture:
    """What one worker does and did."""

    __slots__ = ("busy_s", "name", "run", "runs", "since", "state", "stretches", "there_s")

    def __init__(self, worker: "Worker", now: float) -> None:
        meter = worker.meter
        self.name, self.state, self.runs, self.since = worker.name, worker.state, meter.runs, worker.busy_since
        self.run = None if worker.run is None else (worker.run.run_id, worker.run.name)
        begins = [max(now - window_s, meter.born) for window_s in WINDOWS_S]
        self.there_s = [now - begin for begin in begins]
        self.busy_s = [meter.busy_between(begin, now, worker.busy_since) for begin in begins]
        self.stretches = meter.stretches()

    def record(self, offset: float) -> WorkerRecord:
        """Return the record; ``offset`` leads from monotonic seconds to UTC."""
        spans = [
            BusySpan(run_id=run_id, name=name, started_at=started + offset, ended_at=ended + offset)
            for run_id, name, started, ended in self.stretches
        ]
        since = self.since + offset if self.since is not None else None
        if self.run is not None and since is not None:
            spans.append(BusySpan(run_id=self.run[0], name=self.run[1], started_at=since))
        shares = [_share(busy, there) for busy, there in zip(self.busy_s, self.there_s, strict=True)]
        return WorkerRecord(
            name=self.name,
            state=self.state,
            run_id=self.run[0] if self.run is not None else None,
            since=since,
            busy_1m=shares[0],
            busy_5m=shares[1],
            busy_15m=shares[2],
            runs=self.runs,
            spans=tuple(spans),
        )


class PoolPicture:
    """Make it under the lock; call :meth:`record` without."""

    __slots__ = ("_offset", "_on_cluster", "_orphans", "_record", "_retired", "_slots", "_workers")

    def __init__(self, pool: Pool, node_id: str, now: float, wall: float) -> None:
        pool.file()
        self._offset = wall - now
        self._workers = [WorkerPicture(worker, now) for worker in pool.workers]
        self._orphans = [WorkerPicture(worker, now) for worker in pool.orphans]
        self._retired = [_of_the_retired(pool, window_s, now) for window_s in WINDOWS_S]
        self._slots = pool.spread.slots(now)
        self._on_cluster = pool.on_cluster
        self._record = PoolRecord(
            name=pool.name,
            node_id=node_id,
            engine=pool.engine.name,
            size=pool.size,
            busy=sum(worker.run is not None for worker in self._workers),
            queued=pool.queue.size,
            queue_limit=pool.queue_limit,
            per_session_limit=pool.queue.per_session_limit,
            state=pool.state,
            stuck=sum(worker.state == "stuck" for worker in self._workers),
            orphaned=len(self._orphans),
            rejected=pool.rejected,
            waiting_retry=len(pool.retry_waiting),
            orphaned_total=pool.orphaned_total,
        )

    def record(self) -> PoolRecord:
        """Return the whole record."""
        shares = []
        for place, (busy, there) in enumerate(self._retired):
            busy += sum(worker.busy_s[place] for worker in self._workers)
            there += sum(worker.there_s[place] for worker in self._workers)
            shares.append(_share(busy, there))
        return replace(
            self._record,
            busy_1m=shares[0],
            busy_5m=shares[1],
            busy_15m=shares[2],
            wait=waits(self._slots),
            run=run_times(self._slots),
            cluster=self._on_cluster.cluster() if self._on_cluster is not None else None,
            workers=tuple(worker.record(self._offset) for worker in (*self._workers, *self._orphans)),
        )


def _of_the_retired(pool: Pool, window_s: float, now: float) -> tuple[float, float]:
    """Return the busy seconds of the workers that left within the window, and the seconds they were there."""
    begin = now - window_s
    busy = there = 0.0
    for meter, until in pool.retired:
        since = max(begin, meter.born)
        if until > since:
            busy += meter.busy_between(since, until, None)
            there += until - since
    return busy, there


def _share(busy_s: float, there_s: float) -> float:
    return min(1.0, busy_s / there_s) if there_s > 0 else 0.0
