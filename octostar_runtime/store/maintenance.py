"""``octostar-runtime store check | backup | prune | migrate``: each a function that returns what to tell the person."""

import sqlite3
import time
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path

from sqlalchemy import func, select

from octostar_runtime.errors import InvalidInput, StoreUnavailable
from octostar_runtime.settings import Settings
from octostar_runtime.store import schema
from octostar_runtime.store.database import Database, reason_of
from octostar_runtime.store.migrating import HEAD, file_lock, revision_of
from octostar_runtime.store.migrating import migrate as upgrade_schema
from octostar_runtime.store.quarantine import suspect_marker
from octostar_runtime.store.retention import prune_step

TABLES = (
    schema.node, schema.session, schema.run, schema.event, schema.command, schema.document, schema.credential,
    schema.call_key,
)  # fmt: skip


def check(settings: Settings) -> str:
    """Examine the store as a whole: the file's pages, the schema, how much of what it holds.

    StoreUnavailable says what is wrong; a damaged SQLite file is marked, so that the next start puts it aside.
    """
    with closing(Database(settings.store_url)) as database:
        if database.path is not None:
            _check_file(database.path)
        with database.read() as connection:
            revision = revision_of(connection)
            if revision is None:
                raise StoreUnavailable(f"the store {database.shown_url} is empty yet; it is made when octostar starts")
            counts = [
                f"{table.name}: {connection.execute(select(func.count()).select_from(table)).scalar_one():,} rows"
                for table in TABLES
            ]
        state = "up to date" if revision == HEAD else f"this release has {HEAD}: run `octostar-runtime store migrate`"
        return "\n".join([f"store {database.shown_url}", f"schema {revision} ({state})", *counts, "no damage found"])


def _check_file(path: Path) -> None:
    _must_exist(path)
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    except sqlite3.DatabaseError as error:
        found = [reason_of(error)]
    if found != ["ok"]:
        suspect_marker(path).touch()
        raise StoreUnavailable(
            f"the store {path} is damaged ({'; '.join(found)}); restore a backup, "
            "or start octostar: it will put the file aside and begin a new one"
        )


def _must_be_current(database: Database) -> None:
    if database.path is not None:
        _must_exist(database.path)
    with database.read() as connection:
        revision = revision_of(connection)
    if revision != HEAD:
        raise StoreUnavailable(
            f"the store {database.shown_url} has schema {revision or '(none yet)'}, this release has {HEAD}: "
            "run `octostar-runtime store migrate` first"
        )


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise StoreUnavailable(f"there is no store at {path} yet; it is made when octostar starts")


def backup(settings: Settings, file: str) -> str:
    """Copy a SQLite store, also while it is in use, to ``file``; for PostgreSQL say which tool to use."""
    target = Path(file)
    with closing(Database(settings.store_url)) as database:
        path = database.path
    if path is None:
        raise InvalidInput(f'PostgreSQL has its own tool: pg_dump --format=custom --file={target} "$DATABASE_URL"')
    if target.exists():
        raise InvalidInput(f"{target} is there already; name a new file")
    _must_exist(path)
    partial = target.with_name(target.name + ".part")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy, pages=1_000, sleep=0.005)
        partial.rename(target)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreUnavailable(
            f"{path} cannot be copied to {target}: {reason_of(error)}; "
            "name a file in a directory that is there, can be written and has room"
        ) from error
    return f"{path} copied to {target} ({target.stat().st_size:,} bytes)"


def prune(settings: Settings) -> str:
    """Forget everything older or more than the settings keep, in small steps."""
    gone = 0
    with closing(Database(settings.store_url)) as database:
        _must_be_current(database)
        step = 1
        while step:
            with database.write() as connection:
                step = prune_step(connection, now=time.time(), days=settings.history_days, rows=settings.history_rows)
            gone += step
    kept = f"{settings.history_days:g} days, {settings.history_rows:,} rows of each kind"
    return f"{gone:,} rows forgotten (kept: {kept})"


def migrate(settings: Settings) -> str:
    """Bring the schema up to this release's; StoreTooNew when a newer release wrote it."""
    with closing(Database(settings.store_url)) as database, _alone(database.path):
        found = upgrade_schema(database)
    return f"schema {HEAD}: nothing to do" if found == HEAD else f"schema {found or '(empty store)'} -> {HEAD}"


def _alone(path: Path | None) -> AbstractContextManager[None]:
    return nullcontext() if path is None else file_lock(path)
