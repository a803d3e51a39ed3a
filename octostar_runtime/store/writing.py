"""Write rows: the one place that decides which of two versions of a run or session stands.

A higher ``seq`` wins, and an end is final: once a row says how a run ended, nothing changes that, whoever says so.
That is what keeps a node which was declared lost, and comes back, from ending its runs a second time.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, or_

from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.store import schema
from octostar_runtime.store.batch import Batch
from octostar_runtime.store.eventcodec import event_row
from octostar_runtime.store.indexing import note_texts, remove_texts
from octostar_runtime.store.prepared import chunks, marks, run_many
from octostar_runtime.store.runcodec import RunRow, run_row
from octostar_runtime.store.sessioncodec import session_row

T = TypeVar("T")
InsertInto = Callable[[Table], Any]
#: What never changes of a run: left out of updates, so that the indexes over it are not written again.
FIXED = frozenset({
    "id", "run_id", "portable", "task_id", "name", "name_key", "pool", "node_id", "user", "user_key", "tags_key",
    "queued_at",
})  # fmt: skip
#: What a live run does not have; indexes over it are not written again while it lives.
OF_ENDED = frozenset({"ended_at", "run_s"})


def write_batch(connection: Connection, batch: Batch) -> None:
    """Store everything in ``batch`` inside the caller's transaction."""
    write_runs(connection, batch.runs, batch.portable)
    write_sessions(connection, batch.sessions)
    write_events(connection, batch.events)


def write_runs(connection: Connection, runs: Sequence[RunRecord], portable: Mapping[str, str] | None = None) -> None:
    """Insert or update runs; the tallies and the search index follow those that end now."""
    arguments = portable or {}
    rows = [run_row(run, arguments.get(run.run_id)) for run in runs]
    rows.sort(key=attrgetter("run_id"))
    live = [row for row in rows if row.ended_at is None]
    ended = [row for row in rows if row.ended_at is not None]
    known = _known(connection, rows, ended)
    ending = [row for row in ended if _ends(row, known.get(row.run_id))]
    again = [row.run_id for row in ended if _ends_again(row, known.get(row.run_id))]
    remove_texts(connection, again)
    run_many(connection, _upsert_live_run, live)
    run_many(connection, _upsert_ended_run, ended)
    note_texts(connection, [row.run_id for row in ending] + again)
    _add_to_tally(connection, Counter((row.node_id, row.state) for row in ending))


class _Known(NamedTuple):
    """What the store holds of a run already."""

    seq: int
    state: str
    ended_at: float | None


def _known(connection: Connection, rows: Sequence[RunRow], ended: Sequence[RunRow]) -> dict[str, _Known]:
    """Return what the store holds of the runs that have ``ended``.

    Where writers work side by side all rows are locked on the way, in one order, so that no two writers wait for each
    other in a ring, and what is read here is still so when it is written.
    """
    alone = connection.dialect.name == "sqlite"  # its only write lock is held already
    known: dict[str, _Known] = {}
    for some in chunks([row.run_id for row in (ended if alone else rows)]):
        wanted = f"SELECT run_id, seq, state, ended_at FROM run WHERE run_id IN ({marks(connection, some)})"
        text = wanted if alone else f"{wanted} ORDER BY run_id FOR UPDATE"
        known.update((row[0], _Known(*row[1:])) for row in connection.exec_driver_sql(text, tuple(some)))
    return known


def _ends(row: RunRow, known: _Known | None) -> bool:
    """Whether ``row`` will end its run."""
    return known is None or (known.ended_at is None and known.seq < row.seq)


def _ends_again(row: RunRow, known: _Known | None) -> bool:
    """Whether ``row`` will change details of a run that has ended."""
    return known is not None and known.ended_at is not None and known.seq < row.seq and known.state == row.state


def _add_to_tally(connection: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    run_many(connection, _count_up, [(*key, n) for key, n in sorted(counts.items())])


def _count_up(insert_into: InsertInto) -> Any:
    tally = schema.tally
    statement = insert_into(tally).values({c.name: bindparam(c.name) for c in tally.c})
    more = {"n": tally.c.n + statement.excluded.n}
    return statement.on_conflict_do_update(index_elements=["node_id", "state"], set_=more)


def write_sessions(connection: Connection, sessions: Sequence[SessionRecord]) -> None:
    """Insert or update sessions; one that has ended stays as it ended."""
    rows = sorted(map(session_row, sessions), key=itemgetter("session_id"))
    columns = itemgetter(*schema.session.c.keys())
    run_many(connection, _upsert_session, [columns(row) for row in rows])


def write_events(connection: Connection, events: Sequence[Event]) -> None:
    """Insert events; one that is there already stays."""
    columns = itemgetter(*schema.event.c.keys())
    run_many(connection, _insert_event, [columns(event_row(event)) for event in events])


def _insert_event(insert_into: InsertInto) -> Any:
    statement = insert_into(schema.event).values({c.name: bindparam(c.name) for c in schema.event.c})
    return statement.on_conflict_do_nothing(index_elements=["event_id"])


def _upsert_live_run(insert_into: InsertInto) -> Any:
    """A live version replaces an older live one and never an end."""
    run = schema.run
    return _upsert(insert_into, FIXED | OF_ENDED, run.c.ended_at.is_(None))


def _upsert_ended_run(insert_into: InsertInto) -> Any:
    """An end replaces what lived; of an end, only the details may still change."""
    run = schema.run
    same_end = run.c.state == insert_into(run).excluded.state
    return _upsert(insert_into, FIXED, or_(run.c.ended_at.is_(None), same_end))


def _upsert(insert_into: InsertInto, kept: Set[str], may: ColumnElement[bool]) -> Any:
    run = schema.run
    statement = insert_into(run).values({name: bindparam(name) for name in RunRow._fields})
    values = {c.name: statement.excluded[c.name] for c in run.c if c.name not in kept}
    newer = and_(run.c.seq < statement.excluded.seq, may)
    return statement.on_conflict_do_update(index_elements=["run_id"], set_=values, where=newer)


def _upsert_session(insert_into: InsertInto) -> Any:
    session = schema.session
    statement = insert_into(session).values({c.name: bindparam(c.name) for c in session.c})
    new = statement.excluded
    values = {c.name: new[c.name] for c in session.c if c.name != "session_id"}
    return statement.on_conflict_do_update(
        index_elements=["session_id"], set_=values, where=and_(session.c.seq < new.seq, session.c.ended_at.is_(None))
    )
