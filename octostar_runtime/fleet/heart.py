"""The heart: beats once a second into the store, watches the others', and learns there what they do.

One thread. Nobody waits for it: readers take the last :class:`Remote` it has put together, also while the store
hangs or is away.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from octostar_runtime.clock import Clock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.fleet.local import LocalNode
from octostar_runtime.fleet.port import FleetStore
from octostar_runtime.fleet.status import NodeStatus, read, written
from octostar_runtime.fleet.watch import GONE, LEASE_S, HeartWatch
from octostar_runtime.models.nodes import NodeRecord, NodeState, StoredNode
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import SessionRecord, SessionState
from octostar_runtime.periodic import PeriodicThread

logger = logging.getLogger(__name__)
BEAT_S = 1.0
SWEEP_EVERY = 5  # turns between looks for work that a dead node left alive
SHOW_GONE_S = 24 * 3600.0
SHOW_ENDED_SESSIONS_S = 15 * 60.0
FAILED_WINDOW_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """What this node last read of the others."""

    nodes: tuple[NodeRecord, ...] = ()
    status: Mapping[str, NodeStatus] = field(default_factory=dict)
    runs: tuple[RunRecord, ...] = ()
    sessions: tuple[SessionRecord, ...] = ()
    counts: Mapping[RunState, int] = field(default_factory=dict)
    failed_last_hour: int = 0


class Heart:
    """This node's membership. ``on_fenced`` is called, on the heart's thread, when the fleet had given this node up:
    it must end the runs here that were declared lost; sessions whose browsers are still here live on."""

    def __init__(
        self,
        *,
        node: NodeRecord,
        clock: Clock,
        store: FleetStore,
        local: LocalNode,
        on_fenced: Callable[[], object] | None = None,
        runs_limit: int = 2_000,
        beat_s: float = BEAT_S,
        lease_s: float = LEASE_S,
    ) -> None:
        self.node = node
        self.incarnation = 1
        self.remote = Remote()
        self.draining = False
        self._clock = clock
        self._store = store
        self._local = local
        self._on_fenced = on_fenced
        self._runs_limit = runs_limit
        self._watch = HeartWatch(lease_s=lease_s)
        self._joined = False
        self._told = False  # that the store is away; once is enough
        self._turns = 0
        self._runs: dict[str, RunRecord] = {}
        self._statuses: dict[str, tuple[int, NodeStatus]] = {}
        self._thread = PeriodicThread("octostar-heart", self._turn, interval_s=beat_s)

    def start(self) -> None:
        """Join the fleet and begin to beat; when the store is away, with the first beat that reaches it."""
        self._turn()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop beating and say goodbye."""
        self._thread.stop(timeout_s)
        if self._joined:
            try:
                self._store.nodes.leave(self.node.node_id, at=self._clock.time())
            except StoreUnavailable as error:
                logger.warning("the goodbye could not be stored: %s", error)

    def drain(self, draining: bool) -> None:
        """Show this node as draining, or no more, from the next beat on."""
        self.draining = draining
        self._thread.poke()

    def poke(self) -> None:
        """Beat and look now."""
        self._thread.poke()

    @property
    def state(self) -> NodeState:
        """This node's own state."""
        return NodeState.DRAINING if self.draining else NodeState.OK

    def _turn(self) -> None:
        try:
            self.turn()
            self._told = False
        except StoreUnavailable as error:
            logger.log(logging.DEBUG if self._told else logging.WARNING, "the fleet cannot be seen now: %s", error)
            self._told = True

    def turn(self) -> None:
        """Beat, watch, act, read; StoreUnavailable leaves the last view as it was."""
        try:
            self._beat()
            nodes = self._store.nodes.all()
        except StoreUnavailable:
            self._watch.blink()
            raise
        self._watch.look(nodes, monotonic=self._clock.monotonic(), wall=self._clock.time())
        if self._declare_lost(nodes):
            nodes = self._store.nodes.all()
        if self._turns % SWEEP_EVERY == 0:
            self._bury_leftovers()
        self._turns += 1
        self.remote = self._read(nodes)

    def _beat(self) -> None:
        now = self._clock.time()
        if not self._joined:
            self._store.nodes.join(replace(self.node, state=self.state, heartbeat_at=now))
            self._joined = True
            return
        meta = {**self.node.meta, **self._local.meta()}
        alive = self._store.nodes.beat(
            self.node.node_id, at=now, state=self.state, meta=meta, status=written(self._local)
        )
        if not alive:
            self._come_back()

    def _come_back(self) -> None:
        logger.warning("this node was declared lost; it ends what it had and joins again")
        self._watch.blink()
        if self._on_fenced is not None:
            try:
                self._on_fenced()
            except Exception:
                logger.exception("ending what was declared lost failed")
        here = [session for session in self._local.sessions() if session.state is not SessionState.ENDED]
        self.incarnation = self._store.nodes.rejoin(self.node, at=self._clock.time(), sessions=here)

    def _declare_lost(self, nodes: Sequence[StoredNode]) -> bool:
        declared = False
        for stored in self._others(nodes):
            if stored.record.state in GONE or self._watch.state_of(stored) is not NodeState.LOST:
                continue
            node_id = stored.record.node_id
            declared |= self._store.nodes.declare_lost(
                node_id, beat=stored.beat, by=self.node.node_id, at=self._clock.time()
            )
            logger.warning("node %s (%s) is lost", stored.record.name, node_id)
        return declared

    def _others(self, nodes: Sequence[StoredNode]) -> list[StoredNode]:
        return [stored for stored in nodes if stored.record.node_id != self.node.node_id]

    def _bury_leftovers(self) -> None:
        for node_id in self._store.nodes.unburied():
            if node_id != self.node.node_id:
                while self._store.nodes.bury(node_id, by=self.node.node_id, at=self._clock.time()):
                    pass

    def _read(self, nodes: Sequence[StoredNode]) -> Remote:
        now = self._clock.time()
        others = self._others(nodes)
        shown = [s for s in others if s.record.state not in GONE or now - s.record.heartbeat_at < SHOW_GONE_S]
        records = tuple(
            replace(s.record, state=self._watch.state_of(s), clock_skew_s=self._watch.skew_of(s)) for s in shown
        )
        me, runs = self.node.node_id, self._store.runs
        return Remote(
            nodes=records,
            status=self._read_status([s for s in shown if s.record.state not in GONE]),
            runs=self._read_runs(),
            sessions=tuple(self._store.sessions.recent(without_node=me, ended_since=now - SHOW_ENDED_SESSIONS_S)),
            counts=runs.counts(without_node=me),
            failed_last_hour=runs.failed_since(now - FAILED_WINDOW_S),
        )

    def _read_status(self, nodes: list[StoredNode]) -> dict[str, NodeStatus]:
        known, self._statuses = self._statuses, {}
        for stored in nodes:
            node_id = stored.record.node_id
            before = known.get(node_id)
            fresh = before if before is not None and before[0] == stored.beat else (stored.beat, read(stored.status))
            self._statuses[node_id] = fresh
        return {node_id: status for node_id, (_, status) in self._statuses.items()}

    def _read_runs(self) -> tuple[RunRecord, ...]:
        """Read only what changed since the last turn: versions first, then whole rows of those that differ."""
        limit = self._runs_limit
        versions = self._store.runs.versions(without_node=self.node.node_id, limit_live=limit, limit_ended=limit // 2)
        stale = [run_id for run_id, seq in versions.items() if (r := self._runs.get(run_id)) is None or r.seq != seq]
        fresh = {run.run_id: run for run in self._store.runs.many(stale)} if stale else {}
        merged = ((run_id, fresh.get(run_id) or self._runs.get(run_id)) for run_id in versions)
        self._runs = {run_id: run for run_id, run in merged if run is not None}
        return tuple(self._runs.values())
