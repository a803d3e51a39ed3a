"""One engine, one rule: a transaction belongs to the thread that opened it, and is short.

Readers take pooled connections side by side (SQLite: WAL). Writers of one process go one after the other through a
lock, because SQLite's own waiting is a poll that knows no fairness; between processes ``busy_timeout`` waits.
"""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from octostar_runtime.errors import SettingsError, StoreUnavailable
from octostar_runtime.store.quarantine import suspect_marker

T = TypeVar("T")
logger = logging.getLogger(__name__)
BUSY_TIMEOUT_MS = 5_000
POSTGRESQL_OPTIONS = (
    # A node that was stopped in the middle of a transaction has lost its locks before its lease of 4 s is over: whoever
    # declares it lost does not wait for them.
    "-c idle_in_transaction_session_timeout=3000 -c lock_timeout=5000 -c statement_timeout=60000"
)


class Database:
    """The engine behind a store, and what is known of its health."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url)
        #: For reads: each statement of PostgreSQL sees what is committed by then anyway, so it goes without the two
        #: round trips around it; SQLite's need a transaction to see one state of things.
        self._reading = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.error: str | None = None
        self._write_lock = threading.Lock()
        self._file: tuple[int, int] | None = None  # which file it is, whatever its name is by now

    @property
    def shown_url(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for a server."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection to read from; StoreUnavailable when there is none to be had."""
        with self._translated(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend a connection in a write transaction, committed at the end and rolled back on any error."""
        with self._translated(), self._turn(), self.engine.connect() as connection:
            with connection.execution_options(octostar_writes=True).begin():
                yield connection
            self.error = None

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` does in a write transaction; done once more when it was broken off for another's sake.

        Writers lock rows in one order and seldom wait for each other in a ring; if they do, the database ends one.
        """
        try:
            with self.write() as connection:
                return work(connection)
        except StoreUnavailable as error:
            if not _was_broken_off(error.__cause__):
                raise
            logger.info("a transaction was broken off and is done again: %s", error)
        with self.write() as connection:
            return work(connection)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with self._write_lock:
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            self._check_file()
            yield
        except (DBAPIError, PoolTimeout, OSError) as error:
            if isinstance(error, DBAPIError) and _is_ours(error):
                raise
            self.error = reason_of(error)
            if self.path is not None and is_damage(error):
                self._doubt(self.path)
            raise StoreUnavailable(f"the store cannot be used now: {self.error}") from error

    def _check_file(self) -> None:
        """Raise OSError when the SQLite file is no longer where it was: what is written to it now would be lost."""
        if self.path is None:
            return
        try:
            found = self.path.stat()
        except FileNotFoundError:
            here = None
        else:
            here = (found.st_dev, found.st_ino)
        if self._file is None:
            self._file = here
        elif here != self._file:
            fate = "removed" if here is None else "replaced"
            raise OSError(f"its file {self.path} was {fate} while in use; put it back, or restart to go on without it")

    def _doubt(self, path: Path) -> None:
        """Have the whole file checked at the next start, which puts it aside when it is broken."""
        marker = suspect_marker(path)
        if not marker.exists():
            logger.error("the store %s is damaged (%s); start again: it will be put aside", path, self.error)
            with contextlib.suppress(OSError):
                marker.touch()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def reason_of(error: BaseException) -> str:
    """Return the driver's own sentence, on one line and without the statement."""
    original = getattr(error, "orig", None) or error
    return " ".join(str(original).split()) or type(original).__name__


_DAMAGE = ("malformed", "not a database", "corrupt", "vtable constructor failed")


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is broken."""
    text = reason_of(error)
    return any(sign in text for sign in _DAMAGE)


def _was_broken_off(error: BaseException | None) -> bool:
    """Whether PostgreSQL ended a transaction, undone, because it and another one were in each other's way."""
    return type(getattr(error, "orig", None)).__name__ in ("DeadlockDetected", "SerializationFailure")


def _is_ours(error: DBAPIError) -> bool:
    """Whether the statement was wrong (a programming error or a violated constraint), not the store."""
    kind = type(error.orig).__name__
    return kind in ("IntegrityError", "UniqueViolation", "ProgrammingError", "InterfaceError") and not _is_away(error)


def _is_away(error: DBAPIError) -> bool:
    return error.connection_invalidated or "closed" in str(error.orig).lower()


def _parse(url: str) -> URL:
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            url = "postgresql+psycopg://" + url.removeprefix(scheme)
    try:
        parsed = make_url(url)
    except Exception:  # noqa: BLE001 -- whatever is wrong with it, the sentence is the same, without the password
        raise SettingsError("DATABASE_URL cannot be read; write postgresql://user:password@host/database") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(
            f"DATABASE_URL: {parsed.get_backend_name()} is not supported; use postgresql:// or leave it empty"
        )
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own is late and never immediate
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-16000", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("octostar_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(url: URL) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise SettingsError(
            "DATABASE_URL names PostgreSQL, whose driver is missing; pip install 'octostar-runtime[postgresql]'"
        ) from None
    arguments: dict[str, Any] = {"connect_timeout": 3, "options": POSTGRESQL_OPTIONS}
    arguments |= {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    return create_engine(
        url, pool_pre_ping=True, pool_size=5, max_overflow=10, pool_timeout=5, pool_recycle=600, connect_args=arguments
    )
