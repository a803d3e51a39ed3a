"""The members of the fleet: who joined, whose heart beats, who was declared lost, and what became of their work."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select, update

from octostar_runtime.errors import NodeNotFound
from octostar_runtime.models.commands import CommandState
from octostar_runtime.models.events import Event
from octostar_runtime.models.nodes import NodeRecord, NodeState, StoredNode
from octostar_runtime.models.sessions import EndReason, SessionRecord
from octostar_runtime.store.database import Database
from octostar_runtime.store.endings import lost_run, lost_session
from octostar_runtime.store.jsontext import dump, load
from octostar_runtime.store.prepared import chunks, insert
from octostar_runtime.store.runcodec import run_of
from octostar_runtime.store.runs import COLUMNS as RUN_COLUMNS
from octostar_runtime.store.schema import command, node, run, session
from octostar_runtime.store.sessioncodec import session_of
from octostar_runtime.store.writing import write_events, write_runs, write_sessions

GONE = (NodeState.LOST.value, NodeState.STOPPED.value)
BURY_AT_ONCE = 500
#: Seconds in which other nodes may take over what a cluster executes for a node that is gone; then it is lost.
TAKEN_OVER_WITHIN_S = 120.0


class SqlNodes:
    """Nodes in the store. ``at`` is always UTC seconds as the caller's clock has it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def join(self, record: NodeRecord) -> None:
        """Enter a node; its id is new with each process."""
        row = {name: getattr(record, name) for name in _PLAIN}
        row |= {
            "state": record.state.value,
            "beat": 1,
            "incarnation": 1,
            "status": "{}",
            "meta": dump(dict(record.meta)),
        }
        with self._database.write() as connection:
            statement = insert(connection, node).values(row)
            changed = {name: statement.excluded[name] for name in row if name != "node_id"}
            connection.execute(statement.on_conflict_do_update(index_elements=["node_id"], set_=changed))
            write_events(connection, [_event("node.started", record.node_id, record.node_id, record.started_at)])

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
        values: dict[str, object] = {"beat": node.c.beat + 1, "heartbeat_at": at, "state": state.value}
        if meta is not None:
            values["meta"] = dump(dict(meta))
        if status is not None:
            values["status"] = dump(dict(status))
        mine = update(node).where(node.c.node_id == node_id, node.c.state.not_in(GONE)).values(values)
        with self._database.write() as connection:
            return connection.execute(mine).rowcount > 0

    def rejoin(self, record: NodeRecord, *, at: float, sessions: Sequence[SessionRecord] = ()) -> int:
        """Bring a node back that was declared lost, as a new incarnation.

        Its runs stay lost. ``sessions`` are those whose browsers it still has: they were thought lost, and are not.
        """
        while self.bury(record.node_id, by=record.node_id, at=at):
            pass
        values = {"state": NodeState.OK.value, "heartbeat_at": at, "beat": node.c.beat + 1}
        returning = update(node).where(node.c.node_id == record.node_id)
        returning = returning.values(**values, incarnation=node.c.incarnation + 1).returning(node.c.incarnation)

        def come_back(connection: Connection) -> int | None:
            incarnation: int | None = connection.execute(returning).scalar()
            if incarnation is not None:
                write_events(connection, [_event("node.rejoined", record.node_id, record.node_id, at)])
                _bring_back(connection, record.node_id, sessions, at)
            return incarnation

        back = self._database.transact(come_back)
        if back is None:  # the row was pruned, or the store is a new one
            self.join(record)
            return 1
        return back

    def leave(self, node_id: str, *, at: float) -> None:
        """Say goodbye: the node ends on purpose; whatever it left alive ends with it."""
        going = update(node).where(node.c.node_id == node_id, node.c.state.not_in(GONE))
        with self._database.write() as connection:
            if connection.execute(going.values(state=NodeState.STOPPED.value, heartbeat_at=at)).rowcount:
                write_events(connection, [_event("node.stopped", node_id, node_id, at)])
        while self.bury(node_id, by=node_id, at=at):
            pass

    def all(self) -> Sequence[StoredNode]:
        """Return every node there is, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(node).order_by(node.c.started_at.desc())).mappings().all()
        return [
            StoredNode(
                record=NodeRecord(
                    **{name: row[name] for name in _PLAIN}, state=NodeState(row["state"]), meta=load(row["meta"])
                ),
                beat=row["beat"],
                incarnation=row["incarnation"],
                status=load(row["status"]),
            )
            for row in rows
        ]

    def declare_lost(self, node_id: str, *, beat: int, by: str, at: float) -> bool:
        """Declare a node lost whose heart still stands at ``beat``; False when it moved, or somebody was faster."""
        dead = update(node).where(node.c.node_id == node_id, node.c.beat == beat, node.c.state.not_in(GONE))
        with self._database.write() as connection:
            if not connection.execute(dead.values(state=NodeState.LOST.value)).rowcount:
                return False
            write_events(connection, [_event("node.lost", node_id, by, at)])
        while self.bury(node_id, by=by, at=at):
            pass
        return True

    def bury(self, node_id: str, *, by: str, at: float) -> int:
        """End a part of what a lost or stopped node left alive; return how much, 0 when nothing is left.

        In small transactions, so that nobody waits long; any node may go on where another stopped.
        """
        return self._database.transact(lambda connection: _bury(connection, node_id, by, at))

    def take_over(self, run_id: str, *, from_node: str, to_node: str) -> bool:
        """Let a run that goes on elsewhere belong to another node; False when it has ended or somebody was faster."""
        theirs = update(run).where(run.c.run_id == run_id, run.c.node_id == from_node, run.c.ended_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(theirs.values(node_id=to_node)).rowcount > 0

    def unburied(self) -> Sequence[str]:
        """Return the nodes that are gone and whose runs or sessions still look alive."""
        gone = select(node.c.node_id).where(node.c.state.in_(GONE))
        with self._database.read() as connection:
            runs = select(run.c.node_id).where(run.c.ended_at.is_(None), run.c.node_id.in_(gone)).distinct()
            sessions = select(session.c.node_id).where(session.c.ended_at.is_(None), session.c.node_id.in_(gone))
            return sorted({*connection.execute(runs).scalars(), *connection.execute(sessions.distinct()).scalars()})

    def get(self, node_id: str) -> StoredNode:
        """Return one node; NodeNotFound."""
        for stored in self.all():
            if stored.record.node_id == node_id:
                return stored
        raise NodeNotFound(f"no node has the id {node_id!r}; the Nodes page lists those there are")


_PLAIN = ("node_id", "name", "kind", "host", "pid", "version", "started_at", "heartbeat_at")


def _bury(connection: Connection, node_id: str, by: str, at: float) -> int:
    found = select(node.c.state, node.c.heartbeat_at).where(node.c.node_id == node_id).with_for_update()
    row = connection.execute(found).one_or_none()
    if row is None or row.state not in GONE:
        return 0
    lost = row.state == NodeState.LOST.value
    spared = at - row.heartbeat_at < TAKEN_OVER_WITHIN_S
    return (
        _bury_runs(connection, node_id, by, at, spared=spared)
        + _bury_sessions(connection, node_id, by, at, EndReason.LOST if lost else EndReason.SERVER_STOP)
        + _fail_commands(connection, node_id, at, "lost" if lost else "stopped")
    )


def _bury_runs(connection: Connection, node_id: str, by: str, at: float, *, spared: bool) -> int:
    """``spared``: what a cluster executes is left for another node to take over."""
    alive = select(*RUN_COLUMNS).where(run.c.node_id == node_id, run.c.ended_at.is_(None)).limit(BURY_AT_ONCE)
    # locked, so that what its node ends in this moment, come back after all, is not said to be lost as well
    alive = alive.order_by(run.c.run_id).with_for_update()
    if spared:
        alive = alive.where(run.c.detail.not_like('%"elsewhere":%'))
    because = f"node {node_id} is gone; what it executed or held in its queue is lost"
    runs = [lost_run(run_of(row), at, because) for row in connection.execute(alive).mappings()]
    write_runs(connection, runs)
    write_events(connection, [_event("run.lost", record.run_id, by, at, reason=because) for record in runs])
    return len(runs)


def _bury_sessions(connection: Connection, node_id: str, by: str, at: float, reason: EndReason) -> int:
    alive = select(session).where(session.c.node_id == node_id, session.c.ended_at.is_(None)).limit(BURY_AT_ONCE)
    alive = alive.order_by(session.c.session_id).with_for_update()
    sessions = [lost_session(session_of(row), at, reason) for row in connection.execute(alive).mappings()]
    write_sessions(connection, sessions)
    ended = [_event("session.ended", each.session_id, by, at, reason=reason.value) for each in sessions]
    write_events(connection, ended)
    return len(sessions)


def _bring_back(connection: Connection, node_id: str, sessions: Sequence[SessionRecord], at: float) -> None:
    """Let sessions that ended with their node live again; one that ended in any other way stays ended."""
    for some in chunks(sorted(sessions, key=lambda each: each.session_id)):  # the order in which all writers lock them
        ids = [each.session_id for each in some]
        theirs = select(session).where(session.c.session_id.in_(ids), session.c.node_id == node_id)
        theirs = theirs.order_by(session.c.session_id).with_for_update()
        lost = {
            ended.session_id
            for ended in map(session_of, connection.execute(theirs).mappings())
            if ended.end_reason is EndReason.LOST
        }
        connection.execute(delete(session).where(session.c.session_id.in_(lost)))
        write_sessions(connection, [each for each in some if each.session_id in lost])
        write_events(connection, [_event("session.returned", session_id, node_id, at) for session_id in sorted(lost)])


def _fail_commands(connection: Connection, node_id: str, at: float, fate: str) -> int:
    open_states = (CommandState.NEW.value, CommandState.TAKEN.value)
    failed = update(command).where(command.c.target == node_id, command.c.state.in_(open_states))
    values = {"state": CommandState.FAILED.value, "error": f"node {node_id} is {fate}", "done_at": at}
    return connection.execute(failed.values(values)).rowcount


def _event(kind: str, subject: str, node_id: str, at: float, *, reason: str | None = None) -> Event:
    return Event(kind=kind, subject=subject, at=at, node_id=node_id, reason=reason)
