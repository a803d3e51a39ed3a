"""Runs are found by how long they waited, failures by themselves; ends are noted for the search without triggers.

A trigger on every update took as long as two indexes together, though only ends concern the search: whoever writes an
end notes it. The indexes of failures are written for those alone, so that each has an ``error_key``, empty or not.

PostgreSQL, whose rows have no number of their own: the indexes hold it, so that a page of a list is found in them
alone, and stand in the order of the lists, in which runs without a value come first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OF_FAILED = sa.text("error_key IS NOT NULL")
WITH_NUMBER = {
    "run_state": [
        "state", "queued_at", "name_key", "user_key", "pool", "started_at", "ended_at", "wait_s", "run_s",
    ],
    "run_name": ["name_key", "queued_at"],
    "run_user": ["user_key", "queued_at"],
}  # fmt: skip
IN_ORDER = {"run_ended": "ended_at", "run_took": "run_s", "run_wait": "wait_s"}


def upgrade() -> None:
    connection = op.get_bind()
    connection.execute(
        sa.text("UPDATE run SET error_key = '' WHERE error_key IS NULL AND state IN ('error', 'lost', 'timed_out')")
    )
    for name, columns in (
        ("run_failed", ["ended_at", "state"]),
        ("run_fault", ["queued_at", "state", "error_key", "wait_s", "run_s"]),
    ):
        op.create_index(name, "run", columns, sqlite_where=OF_FAILED, postgresql_where=OF_FAILED)
    if connection.dialect.name == "sqlite":
        for name in ("insert", "end", "change"):
            connection.exec_driver_sql(f"DROP TRIGGER run_search_{name}")
        op.create_index("run_wait", "run", ["wait_s"])
        return
    for name, columns in WITH_NUMBER.items():
        op.drop_index(name, "run")
        op.create_index(name, "run", columns, postgresql_include=["id"])
    for name, column in IN_ORDER.items():
        op.drop_index(name, "run", if_exists=True)
        op.create_index(name, "run", [sa.text(f"{column} NULLS FIRST"), "id"])
