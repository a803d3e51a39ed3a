"""SQLite: put the texts of ended runs into the search index, many at a time and after the runs themselves are stored.

Whoever ends runs, or changes texts of ended ones, notes them in the same transaction. Whichever process stores runs
next, and finds enough of them noted, indexes those in a transaction of its own: all of them or, when it dies half-way,
none, and they stay noted. What is deleted leaves the index by a trigger.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import Connection

from octostar_runtime.clock import Clock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.store.database import Database
from octostar_runtime.store.prepared import chunks, marks

logger = logging.getLogger(__name__)
MOST_DUE = 1_000  # runs that wait to be indexed: the more at once, the less each costs; every search reads those left
AT_ONCE = 2_000  # what an older release, or one that could not, left behind is caught up with in steps
PAUSE_S = 10.0  # after a step that failed: searches read what waits, so that nothing is missed meanwhile


class TextIndex:
    """Keeps the index of texts up with the runs. PostgreSQL keeps its own: there is never anything due."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._not_before = 0.0

    def due(self, connection: Connection) -> bool:
        """Whether so many runs wait that indexing them is worth it."""
        if not self._database.is_sqlite or self._clock.monotonic() < self._not_before:
            return False
        enough = "SELECT 1 FROM run_search_due LIMIT 1 OFFSET ?"
        return connection.exec_driver_sql(enough, (MOST_DUE - 1,)).first() is not None

    def step(self) -> None:
        """Index what waits, up to a bound. Never raises: what cannot be indexed waits on, and is found all the same."""
        try:
            with self._database.write() as connection:
                _index(connection)
        except StoreUnavailable as error:
            self._not_before = self._clock.monotonic() + PAUSE_S
            logger.warning("the search index waits: %s", error)
        except Exception:
            self._not_before = self._clock.monotonic() + PAUSE_S
            logger.exception("the search index waits")

    def tend(self) -> None:
        """Catch up a step when much waits and nobody stores runs; StoreUnavailable."""
        with self._database.read() as connection:
            due = self.due(connection)
        if due:
            self.step()


def note_texts(connection: Connection, run_ids: Sequence[str]) -> None:
    """Note the runs of these ids that have ended, to be indexed with the next ones."""
    ended = "SELECT id FROM run WHERE run_id IN ({}) AND ended_at IS NOT NULL"
    _of_each(connection, f"INSERT OR IGNORE INTO run_search_due (id) {ended}", run_ids)


def remove_texts(connection: Connection, run_ids: Sequence[str]) -> None:
    """Take runs out of the index, before their texts change: it has to be told what it holds of them."""
    indexed = (
        "SELECT 'delete', id, head, error_text, args_text FROM run WHERE run_id IN ({}) AND ended_at IS NOT NULL "
        "AND id NOT IN (SELECT id FROM run_search_due)"
    )
    into = "INSERT INTO run_search (run_search, rowid, head, error_text, args_text)"
    _of_each(connection, f"{into} {indexed}", run_ids)


def _of_each(connection: Connection, statement: str, run_ids: Sequence[str]) -> None:
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL's own indexes follow by themselves
    for some in chunks(run_ids):
        connection.exec_driver_sql(statement.format(marks(connection, some)), tuple(some))


def _index(connection: Connection) -> None:
    some = connection.exec_driver_sql("SELECT id FROM run_search_due ORDER BY id LIMIT 1 OFFSET ?", (AT_ONCE,))
    first_left = some.scalar()  # another process may have been here first: then there are none, and nothing is done
    below = ("", ()) if first_left is None else (" WHERE id < ?", (first_left,))
    connection.exec_driver_sql(
        "INSERT INTO run_search (rowid, head, error_text, args_text) SELECT id, head, error_text, args_text FROM run "
        f"WHERE id IN (SELECT id FROM run_search_due{below[0]})",
        below[1],
    )
    connection.exec_driver_sql(f"DELETE FROM run_search_due{below[0]}", below[1])
