"""Write rows: the one place that decides which of two versions of a run or session stands.

A higher ``seq`` wins, and an end is final: once a row says how a run ended, nothing changes that, whoever says so.
That is what keeps a node which was declared lost, and comes back, from ending its runs a second time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Compiled
from sqlalchemy.sql.dml import Insert

from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.store import schema
from octostar_runtime.store.batch import Batch
from octostar_runtime.store.eventcodec import event_row
from octostar_runtime.store.runcodec import run_row
from octostar_runtime.store.sessioncodec import session_row

T = TypeVar("T")
#: What never changes of a run: left out of updates, so that the indexes over it are not written again.
FIXED = frozenset({
    "id", "run_id", "portable", "task_id", "name", "name_key", "pool", "node_id", "user", "user_key", "tags_key",
    "queued_at",
})  # fmt: skip
#: What a live run does not have; indexes over it are not written again while it lives.
OF_ENDED = frozenset({"ended_at", "run_s"})
CHUNK = 500  # rows in one statement: below SQLite's limit of variables, and short under its write lock


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterable[Sequence[T]]:
    """Cut ``items`` into slices of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def insert(connection: Connection, table: Table) -> Any:
    """Return an INSERT of the connection's dialect, which knows ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def write_batch(connection: Connection, batch: Batch) -> None:
    """Store everything in ``batch`` inside the caller's transaction."""
    write_runs(connection, batch.runs, batch.portable)
    write_sessions(connection, batch.sessions)
    write_events(connection, batch.events)


def write_runs(connection: Connection, runs: Sequence[RunRecord], portable: Mapping[str, str] | None = None) -> None:
    """Insert or update runs; the tallies follow those that end now."""
    rows = [run_row(run) for run in runs]
    for row in rows:
        row["portable"] = portable.get(row["run_id"]) if portable else None
    rows.sort(key=itemgetter("run_id"))
    live = [row for row in rows if row["ended_at"] is None]
    ended = [row for row in rows if row["ended_at"] is not None]
    ending = _ending_now(connection, rows, ended)
    _execute_many(connection, _upsert_live_run, live)
    _execute_many(connection, _upsert_ended_run, ended)
    _add_to_tally(connection, Counter((row["node_id"], row["state"]) for row in ending))


def _ending_now(
    connection: Connection, rows: Sequence[Mapping[str, Any]], ended: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return those of ``ended`` that will end their run: the store knows no end, and nothing newer, of it.

    Where writers work side by side all rows are locked on the way, in one order, so that no two writers wait for each
    other in a ring, and what is read here is still so when it is written.
    """
    alone = connection.dialect.name == "sqlite"  # its only write lock is held already
    known: dict[str, tuple[int, float | None]] = {}
    for some in chunks(ended if alone else rows):
        ids = [row["run_id"] for row in some]
        wanted = select(schema.run.c.run_id, schema.run.c.seq, schema.run.c.ended_at)
        wanted = wanted.where(schema.run.c.run_id.in_(ids)).order_by(schema.run.c.run_id).with_for_update()
        known.update((row[0], (row[1], row[2])) for row in connection.execute(wanted))
    newest = {row["run_id"]: row for row in ended}
    return [row for run_id, row in newest.items() if _ends(row, known.get(run_id))]


def _ends(row: Mapping[str, Any], known: tuple[int, float | None] | None) -> bool:
    if known is None:
        return True
    seq, ended_at = known
    return bool(ended_at is None and seq < row["seq"])


def _add_to_tally(connection: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    if not counts:
        return
    statement = insert(connection, schema.tally)
    statement = statement.on_conflict_do_update(
        index_elements=["node_id", "state"], set_={"n": schema.tally.c.n + statement.excluded.n}
    )
    rows = [{"node_id": node_id, "state": state, "n": n} for (node_id, state), n in sorted(counts.items())]
    connection.execute(statement, rows)


def write_sessions(connection: Connection, sessions: Sequence[SessionRecord]) -> None:
    """Insert or update sessions; one that has ended stays as it ended."""
    rows = sorted(map(session_row, sessions), key=itemgetter("session_id"))
    _execute_many(connection, _upsert_session, rows)


def write_events(connection: Connection, events: Sequence[Event]) -> None:
    """Insert events; one that is there already stays."""
    if events:
        statement = insert(connection, schema.event).on_conflict_do_nothing(index_elements=["event_id"])
        connection.execute(statement, [event_row(event) for event in events])


_compiled: dict[tuple[str, Callable[[Any], Insert]], Compiled] = {}


def _execute_many(connection: Connection, make: Callable[[Any], Insert], rows: Sequence[Mapping[str, Any]]) -> None:
    """Run a wide statement for many rows, its text made once: preparing each row anew costs more than storing it."""
    if not rows:
        return
    key = (connection.dialect.name, make)
    compiled = _compiled.get(key)
    if compiled is None:
        compiled = make(lambda table: insert(connection, table)).compile(dialect=connection.dialect)
        _compiled[key] = compiled
    if getattr(compiled, "positional", False):
        pick = itemgetter(*compiled.positiontup)  # type: ignore[attr-defined]
        connection.exec_driver_sql(str(compiled), [pick(row) for row in rows])
    else:
        connection.exec_driver_sql(str(compiled), [dict(row) for row in rows])


def _upsert_live_run(insert_into: Callable[[Table], Any]) -> Any:
    """A live version replaces an older live one and never an end."""
    run = schema.run
    return _upsert(insert_into, FIXED | OF_ENDED, run.c.ended_at.is_(None))


def _upsert_ended_run(insert_into: Callable[[Table], Any]) -> Any:
    """An end replaces what lived; of an end, only the details may still change."""
    run = schema.run
    same_end = run.c.state == insert_into(run).excluded.state
    return _upsert(insert_into, FIXED, or_(run.c.ended_at.is_(None), same_end))


def _upsert(insert_into: Callable[[Table], Any], kept: Set[str], may: ColumnElement[bool]) -> Any:
    run = schema.run
    statement = insert_into(run).values({c.name: bindparam(c.name) for c in run.c if c.name != "id"})
    values = {c.name: statement.excluded[c.name] for c in run.c if c.name not in kept}
    newer = and_(run.c.seq < statement.excluded.seq, may)
    return statement.on_conflict_do_update(index_elements=["run_id"], set_=values, where=newer)


def _upsert_session(insert_into: Callable[[Table], Any]) -> Any:
    session = schema.session
    statement = insert_into(session).values({c.name: bindparam(c.name) for c in session.c})
    new = statement.excluded
    values = {c.name: new[c.name] for c in session.c if c.name != "session_id"}
    return statement.on_conflict_do_update(
        index_elements=["session_id"], set_=values, where=and_(session.c.seq < new.seq, session.c.ended_at.is_(None))
    )
