"""Nodes in memory."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from octostar_runtime.models.events import Event
from octostar_runtime.models.nodes import NodeRecord, NodeState, StoredNode
from octostar_runtime.models.sessions import EndReason, SessionRecord
from octostar_runtime.store.endings import lost_run, lost_session
from octostar_runtime.store.jsontext import plain
from octostar_runtime.store.memory.events import MemoryEvents
from octostar_runtime.store.memory.runs import MemoryRuns
from octostar_runtime.store.memory.sessions import MemorySessions

#: Seconds in which other nodes may take over what a cluster executes for a node that is gone; then it is lost.
TAKEN_OVER_WITHIN_S = 120.0
GONE = frozenset({NodeState.LOST, NodeState.STOPPED})


class MemoryNodes:
    """The members of a fleet that shares this memory."""

    def __init__(self, runs: MemoryRuns, sessions: MemorySessions, events: MemoryEvents) -> None:
        self._runs = runs
        self._sessions = sessions
        self._events = events
        self._lock = threading.Lock()
        self._nodes: dict[str, StoredNode] = {}

    def join(self, record: NodeRecord) -> None:
        """Enter a node; its id is new with each process."""
        with self._lock:
            self._nodes[record.node_id] = StoredNode(record=record, beat=1)
        self._say("node.started", record.node_id, record.node_id, record.started_at)

    def beat(
        self,
        node_id: str,
        *,
        at: float,
        state: NodeState = NodeState.OK,
        meta: Mapping[str, object] | None = None,
        status: Mapping[str, object] | None = None,
    ) -> bool:
        """Say that the node lives; False when it was declared lost meanwhile and must not act until it rejoined."""
        with self._lock:
            stored = self._nodes.get(node_id)
            if stored is None or stored.record.state in GONE:
                return False
            record = replace(
                stored.record, heartbeat_at=at, state=state, meta=stored.record.meta if meta is None else plain(meta)
            )
            kept = stored.status if status is None else plain(status)
            self._nodes[node_id] = replace(stored, record=record, beat=stored.beat + 1, status=kept)
            return True

    def rejoin(self, record: NodeRecord, *, at: float, sessions: Sequence[SessionRecord] = ()) -> int:
        """Bring a node back that was declared lost, as a new incarnation; see the store on a database."""
        self.bury(record.node_id, by=record.node_id, at=at)
        with self._lock:
            stored = self._nodes.get(record.node_id)
            if stored is not None:
                back = replace(stored.record, state=NodeState.OK, heartbeat_at=at)
                new = replace(stored, record=back, beat=stored.beat + 1, incarnation=stored.incarnation + 1)
                self._nodes[record.node_id] = new
        if stored is None:
            self.join(record)
            return 1
        self._say("node.rejoined", record.node_id, record.node_id, at)
        for session_id in self._sessions.bring_back(sessions):
            self._say("session.returned", session_id, record.node_id, at)
        return stored.incarnation + 1

    def leave(self, node_id: str, *, at: float) -> None:
        """Say goodbye: the node ends on purpose; whatever it left alive ends with it."""
        if self._go(node_id, NodeState.STOPPED, beat=None):
            self._say("node.stopped", node_id, node_id, at)
        self.bury(node_id, by=node_id, at=at)

    def all(self) -> Sequence[StoredNode]:
        """Return every node there is, the newest first."""
        with self._lock:
            return sorted(self._nodes.values(), key=lambda stored: -stored.record.started_at)

    def declare_lost(self, node_id: str, *, beat: int, by: str, at: float) -> bool:
        """Declare a node lost whose heart still stands at ``beat``; False when it moved, or somebody was faster."""
        if not self._go(node_id, NodeState.LOST, beat=beat):
            return False
        self._say("node.lost", node_id, by, at)
        self.bury(node_id, by=by, at=at)
        return True

    def _go(self, node_id: str, state: NodeState, *, beat: int | None) -> bool:
        with self._lock:
            stored = self._nodes.get(node_id)
            if stored is None or stored.record.state in GONE or (beat is not None and stored.beat != beat):
                return False
            self._nodes[node_id] = replace(stored, record=replace(stored.record, state=state))
            return True

    def bury(self, node_id: str, *, by: str, at: float) -> int:
        """End what a lost or stopped node left alive; return how much."""
        stored = self._nodes.get(node_id)
        if stored is None or stored.record.state not in GONE:
            return 0
        because = f"node {node_id} is gone; what it executed or held in its queue is lost"
        left = [run for run in self._runs.every() if run.node_id == node_id and not run.terminal]
        if at - stored.record.heartbeat_at < TAKEN_OVER_WITHIN_S:
            left = [run for run in left if run.elsewhere is None]
        self._runs.write([lost_run(run, at, because) for run in left])
        for run in left:
            self._say("run.lost", run.run_id, by, at, because)
        reason = EndReason.LOST if stored.record.state is NodeState.LOST else EndReason.SERVER_STOP
        open_sessions = [session for session in self._sessions.live() if session.node_id == node_id]
        self._sessions.write([lost_session(session, at, reason) for session in open_sessions])
        for session in open_sessions:
            self._say("session.ended", session.session_id, by, at, reason.value)
        return len(left) + len(open_sessions)

    def take_over(self, run_id: str, *, from_node: str, to_node: str) -> bool:
        """Let a run that goes on elsewhere belong to another node; False when it has ended or somebody was faster."""
        run = self._runs.get(run_id)
        if run is None or run.terminal or run.node_id != from_node:
            return False
        self._runs.write([replace(run, node_id=to_node, seq=run.seq + 1)])
        return True

    def unburied(self) -> Sequence[str]:
        """Return the nodes that are gone and whose runs or sessions still look alive; here there are none."""
        return []

    def _say(self, kind: str, subject: str, node_id: str, at: float, reason: str | None = None) -> None:
        self._events.write([Event(kind=kind, subject=subject, at=at, node_id=node_id, reason=reason)])
