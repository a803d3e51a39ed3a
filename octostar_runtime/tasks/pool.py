"""A pool: its waiting line, its workers, and what is measured of them. Plain data, guarded by the manager's lock."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from octostar_runtime.tasks.engine import Engine, OnCluster
from octostar_runtime.tasks.fair_queue import FairQueue
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.utilisation import BusyMeter, SpreadMeter

if TYPE_CHECKING:
    from octostar_runtime.tasks.worker import Worker

_RETIRED = 200


class Pool:
    """One named pool. ``lock`` is the manager's; ``changed`` tells it that a run has, ``file`` lets it measure."""

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
        file: Callable[[], None],
    ) -> None:
        self.name = name
        self.size = size
        self.engine = engine
        self.remote = engine.remote
        self.on_cluster = engine if isinstance(engine, OnCluster) else None
        self.queue_limit = queue_limit
        self.lock = lock
        self.changed = changed
        self.file = file
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
        self.retired: deque[tuple[BusyMeter, float]] = deque(maxlen=_RETIRED)  # workers that left, and when

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
        self.retired.append((worker.meter, now))
