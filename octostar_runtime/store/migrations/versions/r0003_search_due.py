"""SQLite: runs that end are noted, and enter the search index many at a time. The index of states holds all times.

A statement of a trigger has the index written out for each row, which took more time than the row itself. Whoever ends
a run, by whatever statement, is still covered: the triggers only note its id, and the next writer of runs indexes.

A million runs are narrowed down and sorted by the index of states alone, which every transition writes anyway.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

NARROWED_BY = [
    "state", "queued_at", "name_key", "user_key", "pool", "started_at", "ended_at", "wait_s", "run_s",
]  # fmt: skip
TEXTS = ("head", "error_text", "args_text")
_OLD = ", ".join(f"old.{name}" for name in ("id", *TEXTS))
_CHANGED = " OR ".join(f"old.{name} IS NOT new.{name}" for name in TEXTS)
# not OR IGNORE: the statement that fires a trigger decides what a conflict in it does
_NOTE = (
    "INSERT INTO run_search_due (id) SELECT new.id WHERE NOT EXISTS (SELECT 1 FROM run_search_due WHERE id = new.id);"
)
# what is noted is not in the index yet, and must not be taken out of it
_REMOVE = (
    f"INSERT INTO run_search (run_search, rowid, {', '.join(TEXTS)}) SELECT 'delete', {_OLD} "
    "WHERE NOT EXISTS (SELECT 1 FROM run_search_due WHERE id = old.id);"
)

SQLITE = (
    "CREATE TABLE run_search_due (id INTEGER PRIMARY KEY)",
    *(f"DROP TRIGGER run_search_{name}" for name in ("insert", "end", "change", "delete")),
    f"CREATE TRIGGER run_search_insert AFTER INSERT ON run WHEN new.ended_at IS NOT NULL BEGIN {_NOTE} END",
    "CREATE TRIGGER run_search_end AFTER UPDATE ON run WHEN old.ended_at IS NULL AND new.ended_at IS NOT NULL "
    f"BEGIN {_NOTE} END",
    f"CREATE TRIGGER run_search_change AFTER UPDATE ON run WHEN old.ended_at IS NOT NULL AND ({_CHANGED}) "
    f"BEGIN {_REMOVE} {_NOTE} END",
    "CREATE TRIGGER run_search_delete AFTER DELETE ON run WHEN old.ended_at IS NOT NULL "
    f"BEGIN {_REMOVE} DELETE FROM run_search_due WHERE id = old.id; END",
)


def upgrade() -> None:
    op.drop_index("run_session", "run")  # a session is looked for by a part of its id, which this cannot find
    op.drop_index("run_state", "run")
    op.create_index("run_state", "run", NARROWED_BY)
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            connection.exec_driver_sql(statement)
