"""The store on SQLite or PostgreSQL: its parts around one database."""

import logging
import threading

from sqlalchemy import Connection

from octostar_runtime.clock import Clock
from octostar_runtime.models.fleet import StoreHealth
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.settings import Settings
from octostar_runtime.store.batch import Batch
from octostar_runtime.store.callkeys import SqlCallKeys
from octostar_runtime.store.commander import StoreCommander
from octostar_runtime.store.commands import SqlCommands
from octostar_runtime.store.credentials import SqlCredentials
from octostar_runtime.store.database import Database
from octostar_runtime.store.documents import SqlDocuments
from octostar_runtime.store.erasure import erase
from octostar_runtime.store.events import SqlEvents
from octostar_runtime.store.indexing import TextIndex
from octostar_runtime.store.leases import SqlLeases
from octostar_runtime.store.listening import Listener, PostgresListener, SqliteListener
from octostar_runtime.store.nodes import SqlNodes
from octostar_runtime.store.retention import prune_step
from octostar_runtime.store.runs import SqlRuns
from octostar_runtime.store.sessions import SqlSessions
from octostar_runtime.store.storetime import StoreTime
from octostar_runtime.store.writing import write_batch

logger = logging.getLogger(__name__)
PRUNE_EVERY_S = 60.0
LOOK_EVERY_S = 10.0
OVERDUE_S = 5.0  # who sent a command marks it; this is for senders that are gone


class SqlStore:
    """Everything that outlives a process, in one SQLite file or PostgreSQL database."""

    def __init__(
        self, database: Database, *, clock: Clock, node: NodeRecord, settings: Settings, notice: str | None = None
    ) -> None:
        self.database = database
        self.settings = settings
        self.time = StoreTime(database, clock)
        self.time.measure()
        now = self.time.now
        self.runs = SqlRuns(database, clock.time)
        self.sessions = SqlSessions(database)
        self.events = SqlEvents(database)
        self.documents = SqlDocuments(database, now)
        self.leases = SqlLeases(database, now)
        self.credentials = SqlCredentials(database)
        self.call_keys = SqlCallKeys(database, now)
        self.nodes = SqlNodes(database)
        self.commands = SqlCommands(database)
        listener: Listener = (
            SqliteListener(database) if database.is_sqlite else PostgresListener(database, node.node_id)
        )
        self.commander = StoreCommander(
            node_id=node.node_id, clock=clock, now=now, commands=self.commands, listener=listener
        )
        self._texts = TextIndex(database, clock)
        self._notice = notice
        self._clock = clock
        self._next_prune = self._next_look = 0.0
        self._close_lock = threading.Lock()
        self._closed = False

    def write(self, batch: Batch) -> None:
        """Store a batch in one transaction; StoreUnavailable, and nothing of it is stored."""

        def store(connection: Connection) -> bool:
            write_batch(connection, batch)
            return self._texts.due(connection)

        if self.database.transact(store):
            self._texts.step()

    def erase_user(self, user: str) -> int:
        """Remove what is personal of ``user`` from all history; return how many rows changed."""
        return erase(self.database, user)

    def tend(self) -> int:
        """Mark overdue commands, compare the clocks, forget some of what is older or more than the settings keep.

        Quick, and meant to be called every few seconds: it looks every ten, for what to forget once a minute, and
        goes on while there is more. Returns how many rows were forgotten.
        """
        now = self._clock.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY_S
            self.time.measure()
            self.commands.expire(now=self.time.now() - OVERDUE_S)
            self._texts.tend()
        if now < self._next_prune:
            return 0
        with self.database.write() as connection:
            gone = prune_step(
                connection, now=self.time.now(), days=self.settings.history_days, rows=self.settings.history_rows
            )
        self._next_prune = now if gone else now + PRUNE_EVERY_S
        return gone

    def health(self) -> StoreHealth:
        """Return how the store does, as far as this node has noticed."""
        error = self.database.error
        return StoreHealth(url=self.database.shown_url, ok=error is None, error=error, notice=self._notice)

    def close(self) -> None:
        """Stop listening and give all connections back; safe to call twice."""
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
        self.commander.stop()
        self.database.close()
