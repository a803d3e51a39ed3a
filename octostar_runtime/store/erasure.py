"""Remove what is personal of one user: the facts that something ran stay, whose it was and what with does not.

Each table is walked once, by its key, so that what looks like the name and is not is passed by. Candidates are found
in a read transaction and changed in short write transactions, so that nobody waits for a scan.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, or_, select, update

from octostar_runtime.store import schema
from octostar_runtime.store.anonymous import ERASED, Mentions, faceless, nameless, without_mention, without_person
from octostar_runtime.store.database import Database
from octostar_runtime.store.eventcodec import event_of, event_row
from octostar_runtime.store.indexing import note_texts, remove_texts
from octostar_runtime.store.jsontext import clean, dump, load
from octostar_runtime.store.runcodec import run_of, run_row
from octostar_runtime.store.runs import COLUMNS
from octostar_runtime.store.sessioncodec import session_of, session_row

AT_ONCE = 500
Key = Column[Any]
Change = Callable[[Connection, Sequence[Any], Mentions], int]


def erase(database: Database, user: str) -> int:
    """Erase ``user``'s data from all history; return how many rows changed. StoreUnavailable: do it again."""
    mentions = Mentions(clean(user))
    changed = 0
    for key, condition, change in _walks(mentions.user):
        for keys in _found(database, key, condition):
            with database.write() as connection:
                changed += change(connection, keys, mentions)
    with database.write() as connection:
        theirs = schema.credential.c.subject == mentions.user
        return changed + connection.execute(delete(schema.credential).where(theirs)).rowcount


def _walks(user: str) -> list[tuple[Key, ColumnElement[bool], Change]]:
    """Return (key, where the name may be, what to do with those rows) of each table."""
    run, session, event, command, document = (
        schema.run, schema.session, schema.event, schema.command, schema.document,
    )  # fmt: skip
    return [
        (run.c.id, or_(run.c.user == user, _holds(run.c.detail, user), _says(run.c.head, user)), _erase_runs),
        (session.c.session_id, session.c.user == user, _erase_sessions),
        (event.c.event_id, _says(event.c.search, user), _erase_events),
        (command.c.command_id, or_(command.c.actor == user, _holds(command.c.args, user)), _erase_commands),
        (document.c.name, document.c.actor == user, _erase_editors),
    ]


def _says(column: Key, user: str) -> ColumnElement[bool]:
    return column.contains(user.casefold(), autoescape=True)


def _holds(column: Key, user: str) -> ColumnElement[bool]:
    return column.icontains(dump(user)[1:-1], autoescape=True)


def _found(database: Database, key: Key, condition: ColumnElement[bool]) -> Iterator[Sequence[Any]]:
    last = None
    while True:
        where = condition if last is None else and_(key > last, condition)
        with database.read() as connection:
            keys = connection.execute(select(key).distinct().where(where).order_by(key).limit(AT_ONCE)).scalars().all()
        if not keys:
            return
        yield keys
        last = keys[-1]


def _erase_runs(connection: Connection, ids: Sequence[Any], mentions: Mentions) -> int:
    run, changes = schema.run, []
    wanted = select(run.c.id, run.c.portable, *COLUMNS).where(run.c.id.in_(ids))
    wanted = wanted.order_by(run.c.run_id).with_for_update()  # all writers lock runs in this order
    for row in connection.execute(wanted).mappings().all():
        before, portable = run_of(row), row["portable"]
        after = without_person(before) if before.user == mentions.user else without_mention(before, mentions)
        if after is before:
            continue
        if before.user == mentions.user or (portable and mentions.within(load(portable)) != load(portable)):
            portable = None
        changes.append(run_row(after, portable)._replace(ended_at=row["ended_at"]))
    ended = [row.run_id for row in changes if row.ended_at is not None]
    remove_texts(connection, ended)
    for values in changes:
        connection.execute(update(run).where(run.c.run_id == values.run_id).values(values._asdict()))
    note_texts(connection, ended)
    return len(changes)


def _erase_sessions(connection: Connection, ids: Sequence[Any], _: Mentions) -> int:
    session = schema.session
    theirs = select(session).where(session.c.session_id.in_(ids)).order_by(session.c.session_id).with_for_update()
    rows = connection.execute(theirs).mappings().all()
    for row in rows:
        values = session_row(faceless(session_of(row))) | {"ended_at": row["ended_at"]}
        connection.execute(update(session).where(session.c.session_id == row["session_id"]).values(values))
    return len(rows)


def _erase_events(connection: Connection, ids: Sequence[Any], mentions: Mentions) -> int:
    event, changed = schema.event, 0
    for row in connection.execute(select(event).where(event.c.event_id.in_(ids))).mappings().all():
        before = event_of(row)
        after = nameless(before, mentions)
        if after is not before:
            connection.execute(update(event).where(event.c.event_id == before.event_id).values(event_row(after)))
            changed += 1
    return changed


def _erase_commands(connection: Connection, ids: Sequence[Any], mentions: Mentions) -> int:
    command, changed = schema.command, 0
    for row in connection.execute(select(command).where(command.c.command_id.in_(ids))).mappings().all():
        values = {
            "actor": mentions.maybe(row["actor"]),
            "reason": mentions.maybe(row["reason"]),
            "args": dump(mentions.within(load(row["args"]))),
            "key": row["key"] if row["key"] == mentions.maybe(row["key"]) else None,
        }
        if any(row[name] != value for name, value in values.items()):
            connection.execute(update(command).where(command.c.command_id == row["command_id"]).values(values))
            changed += 1
    return changed


def _erase_editors(connection: Connection, names: Sequence[Any], mentions: Mentions) -> int:
    document = schema.document
    theirs = (document.c.name.in_(names), document.c.actor == mentions.user)
    return connection.execute(update(document).where(*theirs).values(actor=ERASED)).rowcount
