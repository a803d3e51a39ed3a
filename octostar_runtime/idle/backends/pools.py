"""A pool of the task manager as a service: stopping it releases its threads, and the next task brings them back."""

from collections.abc import Sequence
from typing import Protocol

from octostar_runtime.errors import PoolNotFound
from octostar_runtime.idle.service_log import ServiceLog
from octostar_runtime.idle.services import Phase, Probe, ServiceInfo
from octostar_runtime.models.pools import PoolRecord


class PoolControl(Protocol):
    """What is asked of the task manager."""

    def pools(self) -> Sequence[PoolRecord]: ...

    def release(self, pool: str) -> object:
        """Let the pool's idle threads end; a submission makes new ones."""
        ...

    def resume(self, pool: str) -> object: ...


class PoolBackend:
    """One pool of this process. Work that waits or runs is seen both here and as a run."""

    def __init__(self, tasks: PoolControl, name: str, *, node_id: str, log: ServiceLog | None = None) -> None:
        self.info = ServiceInfo(name=f"pool:{name}", kind="pool", node_id=node_id)
        self._tasks = tasks
        self._pool = name
        self._log = log or ServiceLog(self.info.name)

    def probe(self) -> Probe:
        """Released means stopped; anything else is up."""
        pool = self._record()
        if pool.state == "released":
            return Probe(phase=Phase.STOPPED)
        return Probe(phase=Phase.RUNNING, busy=pool.busy + pool.queued)

    def start(self, *, timeout_s: float) -> None:
        """Take work again; threads come with it."""
        with self._log.call("resume"):
            self._tasks.resume(self._pool)

    def drain(self, on: bool, *, timeout_s: float) -> None:
        """Nothing is refused: a task that comes now calls the stop off, because it makes the pool busy."""

    def stop(self, *, timeout_s: float) -> None:
        """Release the threads."""
        with self._log.call("release of the threads"):
            self._tasks.release(self._pool)

    def log_tail(self, lines: int) -> str:
        """Return when its threads were released and taken back; tasks keep logs of their own."""
        return self._log.tail(lines)

    def _record(self) -> PoolRecord:
        for pool in self._tasks.pools():
            if pool.name == self._pool:
                return pool
        raise PoolNotFound(f"no pool is called {self._pool!r}")


def pool_backends(tasks: PoolControl, *, node_id: str) -> list[PoolBackend]:
    """Return a backend for each pool there is."""
    return [PoolBackend(tasks, pool.name, node_id=node_id) for pool in tasks.pools()]
