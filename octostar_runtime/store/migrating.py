"""Bring the schema up to this release's at start: one process does it under a lock, the others wait for it."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from octostar_runtime.errors import StoreTooNew
from octostar_runtime.store.database import Database

logger = logging.getLogger(__name__)

#: Every schema there ever was, oldest first; the last one is this release's.
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
HEAD = REVISIONS[-1]
_ADVISORY_KEY = 0x0C705741  # any number, the same in every release
#: A migration of many rows, and the wait for somebody else's, may take as long as they take.
_WITHOUT_HASTE = (
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


def migrate(database: Database) -> str | None:
    """Upgrade the schema when it is older than this release; return the revision found, None for an empty store.

    StoreTooNew when a newer release wrote it; StoreUnavailable when the store cannot be reached.
    """
    with database.read() as connection:
        found = revision_of(connection)
    if found == HEAD:
        return found
    _refuse_newer(found, database)
    with database.write() as connection:
        if not database.is_sqlite:
            for setting in _WITHOUT_HASTE:
                connection.execute(text(setting))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
        found = revision_of(connection)  # somebody else may have done it while this one waited
        _refuse_newer(found, database)
        if found != HEAD:
            upgrade(connection, HEAD)
            logger.info("store %s: schema %s -> %s", database.shown_url, found or "(empty)", HEAD)
    return found


def upgrade(connection: Connection, revision: str) -> None:
    """Run the migrations up to ``revision`` inside the transaction of ``connection``."""
    from alembic import command  # half a second of imports, needed once in a release
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revision_of(connection: Connection) -> str | None:
    """Return the schema that is there, None when the store is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_newer(found: str | None, database: Database) -> None:
    if found is not None and found not in REVISIONS:
        raise StoreTooNew(
            f"the store {database.shown_url} has schema {found}, written by a newer release than this one (which knows "
            f"up to {HEAD}); upgrade octostar-runtime here, or point DATABASE_URL or OCTOSTAR_STATE_DIR elsewhere"
        )


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock beside a SQLite file while it is made, migrated or put aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
