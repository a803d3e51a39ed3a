"""Commands as rows: written by one node, taken up by another, answered in place."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select, text, update

from octostar_runtime.models.commands import CommandRecord, CommandState
from octostar_runtime.models.events import Event
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.store.database import Database
from octostar_runtime.store.jsontext import dump, load
from octostar_runtime.store.prepared import insert
from octostar_runtime.store.schema import command, node
from octostar_runtime.store.writing import write_events

_PLAIN = ("command_id", "target", "kind", "actor", "reason", "at", "expires_at", "error", "done_at")
_ALIVE = (NodeState.OK.value, NodeState.LATE.value, NodeState.DRAINING.value)


class SqlCommands:
    """The table of commands. Whoever is concerned is notified where the database can (PostgreSQL)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, record: CommandRecord, *, sender: str, key: str | None) -> CommandRecord:
        """Store a new command; one that was sent under the same key before is returned instead.

        A former one that nobody took up does not count: nothing was done, so it may be sent again.
        """
        row = {**{name: getattr(record, name) for name in _PLAIN}, "sender": sender, "key": key}
        row |= {"args": dump(dict(record.args)), "state": record.state.value, "result": "{}"}
        with self._database.write() as connection:
            if key is not None:
                never_done = update(command).where(command.c.key == key, command.c.state == CommandState.EXPIRED.value)
                connection.execute(never_done.values(key=None))
            statement = insert(connection, command).values(row).on_conflict_do_nothing(index_elements=["key"])
            if connection.execute(statement.returning(command.c.command_id)).first() is not None:
                _notify(connection, record.target)
                return record
            same = connection.execute(select(command).where(command.c.key == key)).mappings().one()
            return _record(same)

    def take(self, target: str, *, now: float) -> Sequence[CommandRecord]:
        """Take up what waits for ``target``; nothing while that node counts as lost or stopped."""
        member = exists().where(node.c.node_id == target, node.c.state.in_(_ALIVE))
        waiting = (command.c.target == target, command.c.state == CommandState.NEW.value)
        if self._database.is_sqlite and not self._any(waiting):  # the only write lock is not taken for nothing
            return ()
        statement = update(command).where(*waiting, command.c.expires_at > now, member)
        with self._database.write() as connection:
            rows = connection.execute(statement.values(state=CommandState.TAKEN.value).returning(*command.c)).mappings()
            taken = [_record(row) for row in rows.all()]
        return sorted(taken, key=lambda each: each.command_id)

    def _any(self, conditions: tuple[ColumnElement[bool], ...]) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(command.c.command_id).where(*conditions).limit(1)).first() is not None

    def finish(
        self, command_id: str, *, at: float, result: Mapping[str, object] | None = None, error: str | None = None
    ) -> None:
        """Answer a command that was taken up; an answer that is there already stays."""
        state = CommandState.DONE if error is None else CommandState.FAILED
        statement = update(command).where(
            command.c.command_id == command_id, command.c.state == CommandState.TAKEN.value
        )
        values = {"state": state.value, "result": dump(dict(result or {})), "error": error, "done_at": at}
        with self._database.write() as connection:
            sender = connection.execute(statement.values(values).returning(command.c.sender)).scalar()
            if sender is not None:
                _notify(connection, sender)

    def expire(self, *, now: float, command_id: str | None = None) -> int:
        """Mark what nobody took up in time, or ``command_id`` whatever its time; the history says so too."""
        overdue = command.c.expires_at <= now if command_id is None else command.c.command_id == command_id
        statement = update(command).where(command.c.state == CommandState.NEW.value, overdue)
        values = {"state": CommandState.EXPIRED.value, "error": "nobody took it up in time", "done_at": now}
        with self._database.write() as connection:
            rows = connection.execute(statement.values(values).returning(*command.c)).mappings().all()
            write_events(connection, [_expired_event(row, now) for row in rows])
        return len(rows)

    def get(self, command_id: str) -> CommandRecord | None:
        """Return one command."""
        with self._database.read() as connection:
            row = connection.execute(select(command).where(command.c.command_id == command_id)).mappings().first()
        return None if row is None else _record(row)

    def recent(self, *, limit: int = 100) -> Sequence[CommandRecord]:
        """Return the newest commands between nodes, newest first."""
        statement = select(command).order_by(command.c.at.desc()).limit(limit)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(statement).mappings()]

    def audience(self, node_id: str) -> int:
        """Return how many other nodes are there to be heard."""
        statement = select(node.c.node_id).where(node.c.node_id != node_id, node.c.state.in_(_ALIVE))
        with self._database.read() as connection:
            return len(connection.execute(statement).all())


def channel_of(node_id: str) -> str:
    """Return the name under which a node listens; PostgreSQL allows 63 characters."""
    return "octostar_" + "".join(c if c.isalnum() else "_" for c in node_id)[-50:].lower()


def _notify(connection: Connection, node_id: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel_of(node_id)})


def _expired_event(row: Mapping[Any, Any], now: float) -> Event:
    data = {"command": row["kind"], "target": row["target"]}
    return Event(
        kind="command.expired",
        subject=row["command_id"],
        at=now,
        node_id=row["sender"],
        actor=row["actor"],
        reason="nobody took it up in time",
        data=data,
    )


def _record(row: Mapping[Any, Any]) -> CommandRecord:
    return CommandRecord(
        **{name: row[name] for name in _PLAIN},
        args=load(row["args"]),
        state=CommandState(row["state"]),
        result=load(row["result"]),
    )
