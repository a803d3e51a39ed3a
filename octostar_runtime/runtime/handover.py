"""Taking over what a cluster executes for a node that is gone, so that it can still be seen, stopped and finished.

One thread, only where a pool uses a cluster that others share. Which node takes a run is decided in the store.
"""

import logging
from collections.abc import Callable, Mapping

from octostar_runtime.fleet.heart import Remote
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.store import Store
from octostar_runtime.tasks import TaskManager

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
_GONE = (NodeState.LOST, NodeState.STOPPED)


class Handover:
    """``clusters`` are the addresses of shared clusters, each with a pool of this process that uses it."""

    def __init__(
        self,
        *,
        node_id: str,
        clusters: Mapping[str, str],
        remote: Callable[[], Remote],
        store: Store,
        tasks: TaskManager,
    ) -> None:
        self._node_id = node_id
        self._clusters = clusters
        self._remote = remote
        self._store = store
        self._tasks = tasks
        self._thread = PeriodicThread("octostar-handover", self.turn, interval_s=LOOK_EVERY_S)

    def start(self) -> None:
        """Begin to look; without a shared cluster there is nothing to look for."""
        if self._clusters:
            self._thread.start()

    def stop(self) -> None:
        """Stop looking; what was taken over stays ours."""
        self._thread.stop()

    def turn(self) -> None:
        """Take what is left."""
        remote = self._remote()
        gone = {node.node_id for node in remote.nodes if node.state in _GONE}
        for run in remote.runs:
            pool = self._clusters.get((run.elsewhere or "").partition(" ")[0])
            if pool is not None and run.node_id in gone and not run.terminal:
                self._take(run, pool)

    def _take(self, run: RunRecord, pool: str) -> None:
        nodes = self._store.nodes
        if not nodes.take_over(run.run_id, from_node=run.node_id, to_node=self._node_id):
            return
        try:
            newest = self._store.runs.get(run.run_id) or run
            self._tasks.take_over(newest, pool)
            logger.info("run %s of node %s goes on here", run.run_id, run.node_id)
        except Exception:
            logger.exception("run %s could not be taken over; another node may", run.run_id)
            nodes.take_over(run.run_id, from_node=self._node_id, to_node=run.node_id)
