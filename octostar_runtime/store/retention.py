"""Forget what is old, or too much, in small steps: a big delete would hold SQLite's only write lock for long."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from octostar_runtime.models.calls import KEPT_S
from octostar_runtime.models.commands import CommandState
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.store import schema

STEP_ROWS = 500
GONE = (NodeState.LOST.value, NodeState.STOPPED.value)
ANSWERED = (CommandState.DONE.value, CommandState.FAILED.value, CommandState.EXPIRED.value, CommandState.TAKEN.value)
COMMAND_DAYS = 1.0
DAY_S = 86_400.0
_ADVISORY_KEY = 0x0C705742  # any number but the one of migrations, the same in every release


def prune_step(connection: Connection, *, now: float, days: float, rows: int) -> int:
    """Delete at most some hundred rows of each kind that are older than ``days`` or beyond the newest ``rows``.

    Returns how many went; 0 when nothing is left to forget, or another node is at it. Live runs and sessions stay.
    """
    if not _is_alone(connection):
        return 0  # two at once would forget twice as much as is too much
    before = now - days * DAY_S
    return (
        _prune_runs(connection, before, rows)
        + _prune(connection, schema.session, schema.session.c.ended_at, before, rows)
        + _prune(connection, schema.event, schema.event.c.at, before, rows)
        + _prune_commands(connection, now - min(days, COMMAND_DAYS) * DAY_S)
        + _prune(connection, schema.call_key, schema.call_key.c.at, now - KEPT_S, rows)
        + _prune_nodes(connection, before)
        + _prune_claims(connection, now, before)
    )


def _is_alone(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return True  # by its only write lock
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_ADVISORY_KEY))).scalar())


def _prune_runs(connection: Connection, before: float, rows: int) -> int:
    run = schema.run
    oldest = select(run.c.id, run.c.node_id, run.c.state).where(run.c.ended_at.is_not(None))
    oldest = oldest.with_for_update(skip_locked=True)  # a late detail of one of them: the next time
    kept = connection.execute(select(func.sum(schema.tally.c.n))).scalar() or 0
    excess = min(max(int(kept) - rows, 0), STEP_ROWS)
    oldest = oldest.order_by(run.c.ended_at.asc().nulls_first())  # as PostgreSQL's index is ordered
    old = connection.execute(oldest.where(run.c.ended_at < before).limit(STEP_ROWS)).all()
    if len(old) < excess:
        old = connection.execute(oldest.limit(excess)).all()
    if not old:
        return 0
    connection.execute(delete(run).where(run.c.id.in_([row.id for row in old])))
    _take_from_tally(connection, Counter((row.node_id, row.state) for row in old))
    return len(old)


def _take_from_tally(connection: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    tally = schema.tally
    for (node_id, state), n in sorted(counts.items()):
        mine = (tally.c.node_id == node_id, tally.c.state == state)
        connection.execute(update(tally).where(*mine).values(n=tally.c.n - n))
        connection.execute(delete(tally).where(*mine, tally.c.n <= 0))


def _prune(connection: Connection, table: Table, at: Any, before: float, rows: int) -> int:
    key = next(iter(table.primary_key.columns))
    old = select(key).where(at < before).order_by(at).limit(STEP_ROWS).with_for_update(skip_locked=True)
    gone = connection.execute(delete(table).where(key.in_(old.scalar_subquery()))).rowcount
    if gone:
        return gone
    kept = connection.execute(select(func.count()).select_from(table)).scalar_one()
    excess = min(max(kept - rows, 0), STEP_ROWS)
    if not excess:
        return 0
    oldest = select(key).where(at.is_not(None)).order_by(at).limit(excess).with_for_update(skip_locked=True)
    return connection.execute(delete(table).where(key.in_(oldest.scalar_subquery()))).rowcount


def _prune_commands(connection: Connection, before: float) -> int:
    command = schema.command
    return connection.execute(delete(command).where(command.c.at < before, command.c.state.in_(ANSWERED))).rowcount


def _prune_nodes(connection: Connection, before: float) -> int:
    node = schema.node
    return connection.execute(delete(node).where(node.c.state.in_(GONE), node.c.heartbeat_at < before)).rowcount


def _prune_claims(connection: Connection, now: float, before: float) -> int:
    """Leases long expired, and credentials that have been of no use for as long as history is kept."""
    leases = connection.execute(delete(schema.lease).where(schema.lease.c.expires_at < now - DAY_S)).rowcount
    useless = schema.credential.c.expires_at < before
    return leases + connection.execute(delete(schema.credential).where(useless)).rowcount
