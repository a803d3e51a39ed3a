"""The workers of a pool: making them with the first run, matching their number to the pool's size, letting them go."""

import logging
from collections.abc import Iterable

from octostar_runtime.errors import ManagerClosed, QueueFull
from octostar_runtime.tasks.moves import RunMoves
from octostar_runtime.tasks.pool import Pool
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.worker import Worker

logger = logging.getLogger(__name__)


class Staffing(RunMoves):
    """Every public method takes the lock, ``staff`` apart; those starting with ``_`` need it held."""

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

    def _refuse_when_full(self, pool: Pool) -> None:
        if pool.queue.size + len(pool.retry_waiting) < pool.queue_limit:
            return
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
            worker = self._new_worker(pool, self._monotonic())
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

    def shut(self, pool: Pool) -> None:
        """Let a pool take no more work and its workers end with what they run."""
        with self.lock:
            self._shut(pool)

    def _shut(self, pool: Pool) -> None:
        pool.state, pool.open, pool.started, pool.ready = "closed", False, False, False
        self._dismiss(pool, list(pool.workers))

    def _new_worker(self, pool: Pool, now: float, first: Run | None = None) -> Worker:
        """Make a worker that is not started yet, ``first`` being the run it is made for."""
        raise NotImplementedError
