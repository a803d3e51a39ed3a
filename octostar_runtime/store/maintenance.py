"""``octostar-runtime store check | backup | prune | migrate``: each a function that returns lines for a person."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select, text

from octostar_runtime.errors import InvalidInput, StoreUnavailable
from octostar_runtime.settings import Settings
from octostar_runtime.store import schema
from octostar_runtime.store.database import Database, reason_of
from octostar_runtime.store.migrating import HEAD, migrate
from octostar_runtime.store.quarantine import suspect_marker
from octostar_runtime.store.retention import prune_step

TABLES = (schema.node, schema.session, schema.run, schema.event, schema.command, schema.document, schema.credential)


def check(url: str) -> list[str]:
    """Examine the store as a whole: the file's pages, the schema, how much of what it holds.

    StoreUnavailable says what is wrong; a damaged SQLite file is marked, so that the next start puts it aside.
    """
    with closing(Database(url)) as database:
        if database.path is not None:
            _check_file(database.path)
        with database.read() as connection:
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            counts = [
                f"{table.name}: {connection.execute(select(func.count()).select_from(table)).scalar_one():,} rows"
                for table in TABLES
            ]
        state = "up to date" if revision == HEAD else f"this release has {HEAD}: run `octostar-runtime store migrate`"
        return [f"store {database.shown_url}", f"schema {revision} ({state})", *counts, "no damage found"]


def _check_file(path: Path) -> None:
    if not path.exists():
        raise StoreUnavailable(f"there is no store at {path} yet; it is made when octostar starts")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    except sqlite3.DatabaseError as error:
        found = [reason_of(error)]
    if found != ["ok"]:
        suspect_marker(path).touch()
        raise StoreUnavailable(
            f"the store {path} is damaged ({'; '.join(found)}); restore a backup, "
            "or start octostar: it will put the file aside and begin a new one"
        )


def backup(url: str, target: Path) -> list[str]:
    """Copy a SQLite store, also while it is in use, to the file ``target``; for PostgreSQL say which tool to use."""
    with closing(Database(url)) as database:
        if database.path is None:
            raise InvalidInput(f'PostgreSQL has its own tool: pg_dump --format=custom --file={target} "$DATABASE_URL"')
        if target.exists():
            raise InvalidInput(f"{target} is there already; name a new file")
        if not database.path.exists():
            raise StoreUnavailable(f"there is no store at {database.path} yet; it is made when octostar starts")
        partial = target.with_name(target.name + ".part")
        with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy, pages=1_000, sleep=0.005)
        partial.rename(target)
        return [f"{database.path} copied to {target} ({target.stat().st_size:,} bytes)"]


def prune(url: str, settings: Settings, *, now: float, told: Callable[[int], object] | None = None) -> list[str]:
    """Forget everything older or more than the settings keep, in small steps; ``told`` hears of each step's rows."""
    gone = 0
    with closing(Database(url)) as database:
        while True:
            with database.write() as connection:
                step = prune_step(connection, now=now, days=settings.history_days, rows=settings.history_rows)
            if not step:
                break
            gone += step
            if told is not None:
                told(step)
        if database.is_sqlite:
            with database.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA optimize")
    return [
        f"{gone:,} rows forgotten (kept: {settings.history_days:g} days, {settings.history_rows:,} rows of each kind)"
    ]


def migrate_store(url: str) -> list[str]:
    """Bring the schema up to this release's; StoreTooNew when a newer release wrote it."""
    with closing(Database(url)) as database:
        if database.path is not None:
            database.path.parent.mkdir(parents=True, exist_ok=True)
        found = migrate(database)
        if found == HEAD:
            return [f"schema {HEAD}: nothing to do"]
        return [f"schema {found or '(empty store)'} -> {HEAD}"]
