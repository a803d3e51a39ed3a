"""Open a store: put a damaged file aside, migrate, and hand out its parts."""

import logging
from pathlib import Path

from octostar_runtime.clock import Clock
from octostar_runtime.errors import OctostarRuntimeError, SettingsError
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.settings import Settings
from octostar_runtime.store.database import Database
from octostar_runtime.store.migrating import file_lock, migrate
from octostar_runtime.store.quarantine import damage_of, put_aside
from octostar_runtime.store.sqlstore import SqlStore

logger = logging.getLogger(__name__)


def open_sql_store(url: str, *, clock: Clock, node: NodeRecord, settings: Settings) -> SqlStore:
    """Open and migrate the store at ``url``; several processes may do so at once.

    StoreTooNew when a newer release wrote it, StoreUnavailable when it cannot be reached, SettingsError when the
    URL or the place of the file is wrong.
    """
    database = Database(url)
    notice = None
    try:
        if database.path is not None:
            notice = _open_file(database, database.path)
        else:
            migrate(database)
    except OctostarRuntimeError:
        database.close()
        raise
    return SqlStore(database, clock=clock, node=node, settings=settings, notice=notice)


def _open_file(database: Database, path: Path) -> str | None:
    notice = None
    try:
        with file_lock(path):
            reason = damage_of(path)
            if reason is not None:
                notice = put_aside(path, reason)
                logger.error("%s", notice)
            migrate(database)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise SettingsError(
            f"the store cannot be kept at {path}: {error.strerror}; "
            "make its directory writable or set OCTOSTAR_STATE_DIR"
        ) from None
    return notice
