"""How a node hears of commands and answers: by a cheap poll of SQLite, by LISTEN / NOTIFY on PostgreSQL.

A listener belongs to one thread, which calls ``wait()`` in a loop and looks at the tables after each return.
"""

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from octostar_runtime.store.commands import channel_of
from octostar_runtime.store.database import Database

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.pool import PoolProxiedConnection

logger = logging.getLogger(__name__)
POLL_S = 0.05
ALONE_POLL_S = 1.0
SCAN_S = 1.0  # notifications are lost while disconnected, and behind a pooler that shares connections


class Listener(Protocol):
    """Waits until there may be something new in the store."""

    def wait(self, *, alone: bool) -> bool:
        """Return True when something may have changed, False when nothing has; after about a second at most."""
        ...

    def wake(self) -> None:
        """End a wait under way, and every later one at once; called from any thread."""
        ...

    def close(self) -> None:
        """Give the connection back, when nobody waits any more."""
        ...


class SqliteListener:
    """Asks ``PRAGMA data_version``, which changes when another connection has committed and costs microseconds."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self._connection: PoolProxiedConnection | None = None
        self._seen: int | None = None
        self._closed = threading.Event()

    def wait(self, *, alone: bool) -> bool:
        """Sleep one poll and return whether anything was committed since the last call."""
        self._closed.wait(ALONE_POLL_S if alone else POLL_S)
        if self._closed.is_set():
            return False
        version = self._version()
        changed, self._seen = version != self._seen, version
        return changed

    def _version(self) -> int:
        # The number means something only beside the one that the same connection gave before.
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        cursor = self._connection.cursor()
        cursor.execute("PRAGMA data_version")
        row = cursor.fetchone()
        cursor.close()
        return int(row[0]) if row else 0

    def wake(self) -> None:
        """End the wait."""
        self._closed.set()

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresListener:
    """Listens on this node's own channel; reconnects by itself."""

    def __init__(self, database: Database, node_id: str) -> None:
        self._dsn = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._channel = channel_of(node_id)
        self._connection: psycopg.Connection | None = None
        self._closed = threading.Event()

    def wait(self, *, alone: bool) -> bool:
        """Wait for a notification, or for the time of the next scan."""
        import psycopg

        if self._closed.is_set():
            return False
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=3)
                self._connection.execute(f'LISTEN "{self._channel}"')
                return True  # whatever came while nobody listened
            for _ in self._connection.notifies(timeout=SCAN_S, stop_after=1):
                pass
        except psycopg.Error as error:
            logger.info("listening for commands was interrupted: %s", error)
            self._drop()
            self._closed.wait(SCAN_S)
        return True

    def wake(self) -> None:
        """End listening; a wait under way ends with its scan."""
        self._closed.set()

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
