"""Remove what is personal of one user: the facts that something ran stay, whose it was and what with does not."""

from sqlalchemy import Connection, delete, select, update

from octostar_runtime.store import schema
from octostar_runtime.store.anonymous import ERASED, faceless, nameless, without_person
from octostar_runtime.store.eventcodec import event_of, event_row
from octostar_runtime.store.runcodec import run_of, run_row
from octostar_runtime.store.runs import COLUMNS
from octostar_runtime.store.sessioncodec import session_of, session_row

AT_ONCE = 500


def erase_step(connection: Connection, user: str) -> int:
    """Erase a part of ``user``'s data in the caller's transaction; return how many rows, 0 when nothing is left."""
    return (
        _erase_runs(connection, user)
        + _erase_sessions(connection, user)
        + _erase_events(connection, user)
        + _erase_credentials(connection, user)
    )


def _erase_runs(connection: Connection, user: str) -> int:
    run = schema.run
    theirs = select(run.c.id, *COLUMNS).where(run.c.user_key == user.casefold(), run.c.user == user).limit(AT_ONCE)
    rows = connection.execute(theirs).mappings().all()
    for row in rows:
        values = run_row(without_person(run_of(row))) | {"portable": None, "ended_at": row["ended_at"]}
        connection.execute(update(run).where(run.c.id == row["id"]).values(values))
    return len(rows)


def _erase_sessions(connection: Connection, user: str) -> int:
    session = schema.session
    rows = connection.execute(select(session).where(session.c.user == user).limit(AT_ONCE)).mappings().all()
    for row in rows:
        values = session_row(faceless(session_of(row))) | {"ended_at": row["ended_at"]}
        connection.execute(update(session).where(session.c.session_id == row["session_id"]).values(values))
    return len(rows)


def _erase_events(connection: Connection, user: str) -> int:
    event = schema.event
    named = event.c.search.contains(user.casefold(), autoescape=True)
    rows = connection.execute(select(event).where(named).limit(AT_ONCE)).mappings().all()
    for row in rows:
        values = event_row(nameless(event_of(row), user))
        values["search"] = values["search"].replace(user.casefold(), ERASED)  # else this row would be found for ever
        connection.execute(update(event).where(event.c.event_id == row["event_id"]).values(values))
    return len(rows)


def _erase_credentials(connection: Connection, user: str) -> int:
    return connection.execute(delete(schema.credential).where(schema.credential.c.subject == user)).rowcount
