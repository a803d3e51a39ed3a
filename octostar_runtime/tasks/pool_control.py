"""What can be done to pools while they work: resize, pause, resume, drain, release, add, close."""

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from octostar_runtime.errors import InvalidInput, ManagerClosed, PoolNotFound, SettingsError
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks.engines.choice import make_engine
from octostar_runtime.tasks.lifecycle import Lifecycle
from octostar_runtime.tasks.pool import Pool
from octostar_runtime.tasks.pool_picture import PoolPicture
from octostar_runtime.tasks.run import Run, current_run
from octostar_runtime.tasks.validation import checked_size

if TYPE_CHECKING:
    from octostar_runtime.clock import Clock

RELEASED_WITHIN_S = 10.0


class PoolControl:
    """The part of the task manager that looks after its pools."""

    node_id: str
    clock: "Clock"
    _lifecycle: Lifecycle

    def __init__(self, pools: Mapping[str, PoolSettings]) -> None:
        self._pools: dict[str, Pool] = {}
        self._closed_pools: list[Pool] = []
        for name, settings in pools.items():
            self._add(name, settings)

    def add_pool(
        self,
        name: str,
        size: int,
        *,
        engine: str = "threads",
        queue_limit: int = 1_000_000,
        per_session_limit: int | None = None,
        address: str | None = None,
        result_mb: int = 256,
        **more: object,
    ) -> None:
        """Add a pool; its threads start with its first run. InvalidInput when the name is taken or a size below 1.

        ``engine`` is where its runs execute: "threads", "process" (child processes of this machine) or "dask"
        (``address`` of a scheduler; none: a cluster on this machine). SettingsError when that needs an extra that is
        not installed. ``result_mb`` bounds what a run may send back from another process; ``more`` are further
        settings of a pool by the names they have in OCTOSTAR_POOLS.
        """
        if not isinstance(name, str) or not name.strip():
            raise InvalidInput(f"a pool's name must be a text, not {name!r}")
        if not isinstance(queue_limit, int) or isinstance(queue_limit, bool) or queue_limit < 1:
            raise InvalidInput(f"queue_limit must be a whole number above 0, not {queue_limit!r}")
        if per_session_limit is not None:
            checked_size(per_session_limit, "per_session_limit")
        asked = {"engine": engine, "address": address, "result_mb": result_mb, **more}
        try:
            settings = PoolSettings.model_validate(
                {
                    "size": checked_size(size, "a pool's size"),
                    "queue_limit": queue_limit,
                    "per_session_limit": per_session_limit,
                    **asked,
                }
            )
        except ValidationError as error:
            first = error.errors()[0]
            what = ".".join(map(str, first["loc"])) or "its settings"
            raise SettingsError(f"pool {name!r}: {what}: {first['msg'].removeprefix('Value error, ')}") from None
        self._add(name, settings)

    def _add(self, name: str, settings: PoolSettings) -> None:
        pool = Pool(
            name=name,
            size=settings.size,
            engine=make_engine(name, settings),
            queue_limit=settings.queue_limit,
            per_session_limit=settings.per_session_limit,
            lock=self._lifecycle.lock,
            changed=self._lifecycle.book.changed,
            file=self._lifecycle.book.file,
        )
        with self._lifecycle.lock:
            if self._lifecycle.closed:
                raise ManagerClosed("the task manager is closed; make a new one")
            self._forget_abandoned()
            if name in self._pools:
                raise InvalidInput(f"there is a pool {name!r} already; resize it, or choose another name")
            self._pools[name] = pool

    def _forget_abandoned(self) -> None:
        """Drop the pools that nobody can submit to and that have done their work."""
        for name, pool in [*self._pools.items()]:
            if pool.abandoned and not pool.workers and not pool.orphans:
                del self._pools[name]

    def pools(self) -> tuple[PoolRecord, ...]:
        """Return the pools as they are now."""
        with self._lifecycle.lock:
            self._forget_abandoned()
            now, wall = self.clock.monotonic(), self.clock.time()
            pictures = [PoolPicture(pool, self.node_id, now, wall) for pool in self._pools.values()]
        return tuple(picture.record() for picture in pictures)

    def resize(self, pool: str, size: int) -> None:
        """Set the number of workers; a surplus worker that is busy ends its run first. Nothing is lost."""
        target, wanted = self._pool(pool), checked_size(size, "a pool's size")
        with self._lifecycle.lock:
            before, target.size = target.size, wanted
            if target.started:
                self._lifecycle.staff(target)
        if target.on_cluster is not None:
            target.on_cluster.resize(wanted)
        if before != wanted:
            self._lifecycle.say("pool.resized", pool, before=before, after=wanted)

    def pause(self, pool: str) -> None:
        """Start nothing new until resumed; submitting goes on, and so does what runs."""
        self._set_state(pool, "paused", "pool.paused")

    def resume(self, pool: str) -> None:
        """Take up work again after a pause, a drain or a release."""
        self._set_state(pool, "open", "pool.resumed")

    def drain(self, pool: str, timeout_s: float = 0.0) -> bool:
        """Take no new work and start nothing new; what runs may end. True when nothing runs, after ``timeout_s``."""
        self._set_state(pool, "draining", "pool.draining")
        return self._wait_quiet(self._pool(pool), timeout_s, with_queue=False)

    def release(self, pool: str) -> None:
        """Give back what a pool takes: its threads, and what its engine has started elsewhere.

        The next submit, or ``resume``, starts them again. Waits for what is idle, at most ten seconds; the rest
        follows with the end of what runs.
        """
        target = self._pool(pool)
        with self._lifecycle.lock:
            if target.state == "closed":
                return
            target.state, target.open, target.started, target.ready = "released", False, False, False
            leaving = [worker.thread for worker in target.workers if worker.run is None]
            self._lifecycle._dismiss(target, [*target.workers])
        deadline = time.monotonic() + RELEASED_WITHIN_S
        for thread in leaving:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        self._lifecycle.say("pool.released", pool)

    def join_pool(self, pool: str, timeout_s: float | None = None) -> bool:
        """Wait until a pool has nothing queued, running or to be retried; False after ``timeout_s`` seconds."""
        return self._wait_quiet(self._pool(pool), timeout_s, with_queue=True)

    def close_pool(self, pool: str) -> None:
        """Cancel what waits in a pool, let what runs end, and forget the pool; its runs stay in the book."""
        target = self._pool(pool)
        self._lifecycle.shut(target)
        with self._lifecycle.lock:
            waiting = [*target.queue, *target.retry_waiting]
            self._closed_pools = [old for old in self._closed_pools if old.workers or old.orphans]
            self._closed_pools.append(self._pools.pop(pool))
        for run in waiting:
            self._lifecycle.cancel(run, reason="its pool was closed", by=None)

    def cancel_pool(self, pool: str, reason: str = "", by: str | None = None) -> int:
        """Ask everything in a pool to stop; return how many runs were asked."""
        target = self._pool(pool)
        with self._lifecycle.lock:
            live = [*target.executing(), *target.retry_waiting, *target.queue]
        return sum(self._lifecycle.cancel(run, reason=reason or "cancelled", by=by) for run in live)

    def abandon_pool(self, pool: str) -> None:
        """Let a pool do the work it has and then end. Takes no lock: it may be called by the garbage collector."""
        target = self._pools.get(pool)
        if target is None:
            return
        target.abandoned = True
        for worker in tuple(target.idle[-1:]):
            try:
                worker.wake.release()
            except RuntimeError:
                return  # somebody wakes it this very moment; it will see the mark

    def _set_state(self, name: str, state: str, event: str) -> None:
        pool = self._pool(name)
        with self._lifecycle.lock:
            if pool.state == "closed":
                raise ManagerClosed(f"pool {name!r} is closed for good")
            changed = pool.state != state
            if pool.state == "released" and state != "open":
                return  # nothing runs and nothing starts
            pool.state, pool.open, pool.ready = state, state == "open", False
            # also for what still runs since a release: it may have to be tried again when its worker has gone
            if pool.open and not pool.started and (pool.queue.size or pool.retry_waiting or pool.executing()):
                self._lifecycle._make_ready(pool)
            if pool.open and pool.queue.size:
                pool.wake_one()
        if changed:
            self._lifecycle.say(event, name)

    def _wait_quiet(self, pool: Pool, timeout_s: float | None, *, with_queue: bool) -> bool:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            with self._lifecycle.lock:
                busy = [run for run in pool.executing() if run.ended_mono is None]
                if with_queue and (waiting := pool.queue.last() or next(iter(pool.retry_waiting), None)) is not None:
                    busy.insert(0, waiting)
            if not busy:
                return True
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            if current_run.get() in busy:
                raise InvalidInput("a task cannot wait for its own pool, which would never be quiet")
            self._wait_for(busy[0], left)

    def _wait_for(self, run: Run, timeout_s: float | None) -> bool:
        raise NotImplementedError

    def _pool(self, name: str) -> Pool:
        pool = self._pools.get(name) if isinstance(name, str) else None
        if pool is None:
            raise self._no_pool(name)
        return pool

    def _no_pool(self, name: object) -> PoolNotFound:
        return PoolNotFound(f"no pool {name!r}; there are {', '.join(sorted(self._pools))}. See OCTOSTAR_POOLS")

    def _every_pool(self) -> list[Pool]:
        """The pools there are, and the closed ones that still run something."""
        return [*self._pools.values(), *self._closed_pools]
