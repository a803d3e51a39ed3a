"""The engine for more than one machine: runs execute on the workers of a Dask cluster.

The pool's slots follow one run each, so about as many are on the cluster as there are slots, and the fair queue stays
on our side. ``start`` and ``stop`` come from whoever submits or releases the pool, ``submit`` from the slots.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from octostar_runtime.ids import new_id
from octostar_runtime.models.pools import ClusterRecord
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks.engines.dask import desk
from octostar_runtime.tasks.engines.dask.call import Call, Note
from octostar_runtime.tasks.engines.dask.configure import configure
from octostar_runtime.tasks.engines.dask.link import Link
from octostar_runtime.tasks.engines.dask.local import LocalCluster, LocalPlan
from octostar_runtime.tasks.engines.dask.order import Told
from octostar_runtime.tasks.engines.dask.picture import cluster_record
from octostar_runtime.tasks.engines.dask.security import from_files
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.run import Run

logger = logging.getLogger(__name__)
_STACK_WITHIN_S = 3.0
_DROPPED = 1_000


class DaskEngine:
    """See the module. ``shared``: the cluster belongs to others too, and outlives this process."""

    name = "dask"
    remote = True

    def __init__(self, pool: str, settings: PoolSettings) -> None:
        configure()
        self.pool = pool
        self.address = settings.address
        self.shared = settings.address is not None
        self.topic = f"octostar-{new_id()}"
        self.result_limit = settings.result_mb * 2**20
        self.kept_bytes = 2 * self.result_limit
        self._settings = settings
        self._size = settings.size  # of the pool, as it is now
        self._security = from_files(pool, ca=settings.tls_ca, cert=settings.tls_cert, key=settings.tls_key)
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._calls: dict[str, Call] = {}  # by key
        self._runs: dict[str, Call] = {}  # by run id
        self._dropped: OrderedDict[str, None] = OrderedDict()  # keys that were cancelled before they began

    def start(self) -> None:
        """Begin to connect, or to start a cluster of our own; runs wait for it."""
        with self._lock:
            if self._link is None:
                self._link = self._new_link()
                self._link.start()

    def stop(self) -> None:
        """Let go of the cluster; one of our own ends. Waits for that, at most some seconds."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.stop()

    def submit(self, run: Run, handle: TaskHandle) -> Any:
        """Execute the run on the cluster and wait for its end."""
        call = Call(self, run, handle, self.started())
        with self._lock:
            self._runs[run.run_id] = call
        try:
            return call.follow()
        finally:
            with self._lock:
                if self._runs.get(run.run_id) is call:
                    del self._runs[run.run_id]

    def cancel(self, run: Run, *, hard: bool = False) -> None:
        """Let the slot's thread pass it on."""
        with self._lock:
            call = self._runs.get(run.run_id)
        if call is not None:
            reason = run.extra.cancel.reason if run.extra is not None and run.extra.cancel is not None else "cancelled"
            call.inbox.put(Note("cancel", text=reason, hard=hard))

    def inspect(self, run: Run) -> str:
        """Return the stack of the thread that executes it on its worker."""
        with self._lock:
            call, link = self._runs.get(run.run_id), self._link
        if call is None or link is None or not call.address:
            return ""
        try:
            stacks = link.ask_worker(desk.stack, call.key, address=call.address, timeout_s=_STACK_WITHIN_S)
        except (OSError, TimeoutError):
            return ""
        return str(next(iter(stacks.values()), ""))

    def cluster(self) -> ClusterRecord:
        """Return what is known of the cluster now; asks nobody."""
        link = self._link
        if link is None:
            return ClusterRecord(state="stopped", address=self.address or "", shared=self.shared)
        return cluster_record(link, shared=self.shared)

    def resize(self, size: int) -> None:
        """Let a cluster of our own have as many workers as the pool has slots."""
        self._size = size
        link = self._link
        if link is not None and link.cluster is not None:
            link.cluster.resize(self._workers(size))
            link.poke()

    def lacks(self, resources: Mapping[str, float]) -> str:
        """Say what the workers of a cluster of our own will never have; those of others may get some any time."""
        offered = self._settings.worker_resources
        missing = next((name for name, amount in resources.items() if amount > offered.get(name, 0.0)), None)
        if self.shared or missing is None:
            return ""
        have = ", ".join(f"{amount:g} {name}" for name, amount in offered.items()) or "nothing"
        wanted = f"{resources[missing]:g}"
        return (
            f"pool {self.pool!r}: no worker will ever have {wanted} {missing}, for each offers {have}; set the pool's "
            f'worker_resources in OCTOSTAR_POOLS, e.g. {{"{missing}": {wanted}}}'
        )

    # What calls use

    def know(self, call: Call) -> None:
        """Send what workers tell of the call's key to it."""
        with self._lock:
            self._calls[call.key] = call

    def forget(self, call: Call) -> None:
        """Hear no more of the call's key."""
        with self._lock:
            if self._calls.get(call.key) is call:
                del self._calls[call.key]

    def drop(self, key: str) -> None:
        """Stop the order with this key should it begin after all: on a worker that did not answer, when it is back."""
        with self._lock:
            self._dropped[key] = None
            if len(self._dropped) > _DROPPED:
                self._dropped.popitem(last=False)

    def ask_worker(
        self, function: Callable[..., Any], *args: Any, address: str, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Call a function of ``desk`` on a worker over the line there is now; OSError when there is none."""
        link = self._link
        if link is None:
            raise OSError(f"pool {self.pool!r} is stopped; the next task starts it again")
        return link.ask_worker(function, *args, address=address, timeout_s=timeout_s)

    def started(self) -> Link:
        """Return the line to the cluster, begun anew when it was stopped meanwhile."""
        with self._lock:
            if self._link is None:  # it was stopped between the submit and now
                self._link = self._new_link()
                self._link.start()
            return self._link

    # Inside

    def _new_link(self) -> Link:
        return Link(
            pool=self.pool,
            topic=self.topic,
            address=self.address,
            cluster=None if self.shared else self._new_cluster,
            security=self._security,
            lost_after_s=self._settings.lost_after_s,
            hear=self._hear,
            told=self._told,
        )

    def _new_cluster(self) -> LocalCluster:
        settings = self._settings
        return LocalCluster(
            LocalPlan(
                pool=self.pool,
                workers=self._workers(self._size),
                threads=settings.threads_per_worker,
                memory_bytes=settings.worker_memory_mb * 2**20 if settings.worker_memory_mb else None,
                resources=dict(settings.worker_resources),
                dashboard=settings.dashboard,
            )
        )

    def _workers(self, size: int) -> int:
        return -(-size // self._settings.threads_per_worker)

    def _hear(self, kind: str, why: str) -> None:
        with self._lock:
            calls = list(self._runs.values())
        for call in calls:
            call.inbox.put(Note(kind, text=why))

    def _told(self, message: object) -> None:
        try:
            told = Told.read(message)
        except (ValueError, TypeError):
            logger.warning("pool %s: something else speaks on our topic: %.80r", self.pool, message)
            return
        call = self._calls.get(told.key)
        if call is not None:
            call.inbox.put(Note("told", told=told))
        elif told.kind == "started" and told.key in self._dropped and self._link is not None:
            self._link.stop_soon(told.key, told.address)
