"""An index of three-letter pieces, so that a word anywhere in a million runs is found at once.

SQLite: an FTS5 table that points at ``run`` and is kept by triggers, ended runs only (live ones are few and change).
PostgreSQL: GIN indexes of pg_trgm; without the right to create that extension searches still work, only slower.
"""

import logging

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0002"
down_revision = "0001"
logger = logging.getLogger(__name__)

TEXTS = ("head", "error_text", "args_text")
_NEW = ", ".join(f"new.{name}" for name in ("id", *TEXTS))
_OLD = ", ".join(f"old.{name}" for name in ("id", *TEXTS))
_COLUMNS = ", ".join(TEXTS)
_ADD = f"INSERT INTO run_search (rowid, {_COLUMNS}) VALUES ({_NEW});"
_REMOVE = f"INSERT INTO run_search (run_search, rowid, {_COLUMNS}) VALUES ('delete', {_OLD});"
_CHANGED = " OR ".join(f"old.{name} IS NOT new.{name}" for name in TEXTS)

SQLITE = (
    f"CREATE VIRTUAL TABLE run_search USING fts5({_COLUMNS}, content='run', content_rowid='id', "
    "tokenize='trigram', detail='none', columnsize=0)",
    f"INSERT INTO run_search (rowid, {_COLUMNS}) SELECT id, {_COLUMNS} FROM run WHERE ended_at IS NOT NULL",
    f"CREATE TRIGGER run_search_insert AFTER INSERT ON run WHEN new.ended_at IS NOT NULL BEGIN {_ADD} END",
    "CREATE TRIGGER run_search_end AFTER UPDATE ON run WHEN old.ended_at IS NULL AND new.ended_at IS NOT NULL "
    f"BEGIN {_ADD} END",
    f"CREATE TRIGGER run_search_change AFTER UPDATE ON run WHEN old.ended_at IS NOT NULL AND ({_CHANGED}) "
    f"BEGIN {_REMOVE} {_ADD} END",
    f"CREATE TRIGGER run_search_delete AFTER DELETE ON run WHEN old.ended_at IS NOT NULL BEGIN {_REMOVE} END",
)


def upgrade() -> None:
    connection = op.get_bind()
    op.drop_index("run_state", "run")
    op.create_index("run_state", "run", ["state", "queued_at", "name_key", "user_key", "pool"])
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            connection.exec_driver_sql(statement)
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError as error:
        logger.warning(
            "searches in texts will be slow: ask the database's owner for CREATE EXTENSION pg_trgm (%s)", error.orig
        )
        return
    for name in TEXTS:
        connection.execute(sa.text(f"CREATE INDEX run_{name}_trgm ON run USING gin ({name} gin_trgm_ops)"))
