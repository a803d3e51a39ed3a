"""Idempotency keys of calls, so that a repeat after a restart, or at another replica, leads to the first one's run."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "call_key",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("at", sa.Float(53), nullable=False),
    )
    op.create_index("call_key_at", "call_key", ["at"])
