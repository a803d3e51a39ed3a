"""What SQL hands to :mod:`octostar_runtime.store.grouping`: a few numbers of the newest runs that a search finds."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, select, union_all
from sqlalchemy.sql.elements import SQLColumnExpression

from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.runs import RunState
from octostar_runtime.store.grouping import FAILED, MOST, Sample, Shelf, Stretch, bucketed, check_key, grouped
from octostar_runtime.store.schema import run

Condition = ColumnElement[bool]
_COLUMNS: Mapping[str, SQLColumnExpression[Any]] = {
    "name": run.c.name,
    "error": run.c.error_key,
    "user": run.c.user,
    "pool": run.c.pool,
    "state": run.c.state,
}


def groups_of(connection: Connection, condition: Condition, *, by: str, limit: int) -> RunGroups:
    """Group the newest runs that satisfy ``condition``; by error only those that failed."""
    check_key(by)
    if by == "error":
        condition = and_(condition, run.c.state.in_(sorted(FAILED)))
    return _grouped(connection, _newest(_COLUMNS[by], condition, MOST + 1), limit)


def faults_of(connection: Connection, states: Set[RunState], *, limit: int) -> RunGroups:
    """Group the newest failures in one of ``states`` by error.

    Their own index has all that is needed, in order; both planners would rather sort all that ever failed.
    """
    wanted_states = sorted(state.value for state in states if state.value in FAILED)
    condition = and_(run.c.error_key.is_not(None), func.coalesce(run.c.state, run.c.state).in_(wanted_states))
    wanted = _newest(run.c.error_key, condition, MOST + 1).with_hint(run, "INDEXED BY run_fault", "sqlite")
    return _grouped(connection, wanted, limit)


def _grouped(connection: Connection, wanted: Select[Any], limit: int) -> RunGroups:
    rows = connection.execute(wanted).all()
    return grouped([Sample(*row) for row in rows[:MOST]], limit=limit, exact=len(rows) <= MOST)


def buckets_of(
    connection: Connection, condition: Condition, pieces: Sequence[Stretch], *, few: bool, cheap: bool
) -> RunGroups:
    """Say how the runs queued in each piece of time fared.

    ``few``: what is found fits into memory. ``cheap``: an index can count it; else a full piece is not counted.
    """
    most = MOST // len(pieces)
    found = _of_few(connection, condition, pieces) if few else _of_each(connection, condition, pieces, most)
    full = [not few and len(samples) == most for samples in found]
    return bucketed(
        _counted(connection, condition, piece, samples, cheap=cheap) if is_full else Shelf(piece, samples)
        for piece, samples, is_full in zip(pieces, found, full, strict=True)
    )


def _counted(
    connection: Connection, condition: Condition, piece: Stretch, samples: Sequence[Sample], *, cheap: bool
) -> Shelf:
    """Count a piece of which the newest were fetched, when an index can."""
    if not cheap:
        return Shelf(piece, samples, len(samples))
    within = and_(condition, _within(piece))
    failed = and_(within, run.c.state.in_(sorted(FAILED)))
    return Shelf(piece, samples, _count(connection, within), _count(connection, failed))


def _of_few(connection: Connection, condition: Condition, pieces: Sequence[Stretch]) -> list[list[Sample]]:
    """Fetch all at once: the search's own index is asked once, not for every piece."""
    whole = Stretch(pieces[0].since, pieces[-1].until)
    rows = connection.execute(_newest(literal(""), and_(condition, _within(whole)), None)).all()
    shelves: list[list[Sample]] = [[] for _ in pieces]
    number = len(pieces) - 1
    for sample in (Sample(*row) for row in rows):  # newest first
        while sample.queued_at < pieces[number].since:
            number -= 1
        shelves[number].append(sample)
    return shelves


def _of_each(connection: Connection, condition: Condition, pieces: Sequence[Stretch], most: int) -> list[list[Sample]]:
    """Fetch the newest of each piece, so that a busy hour does not hide the ones before it."""
    each = [
        select(_newest(literal(str(number)), and_(condition, _within(piece)), most).subquery())
        for number, piece in enumerate(pieces)
    ]
    shelves: list[list[Sample]] = [[] for _ in pieces]
    for row in connection.execute(union_all(*each)):
        shelves[int(row[0])].append(Sample(*row))
    return shelves


def _newest(key: SQLColumnExpression[Any], condition: Condition, limit: int | None) -> Select[Any]:
    wanted = select(func.coalesce(key, "").label("key"), run.c.state, run.c.queued_at, run.c.wait_s, run.c.run_s)
    return wanted.where(condition).order_by(run.c.queued_at.desc()).limit(limit)


def _within(piece: Stretch) -> Condition:
    return and_(run.c.queued_at >= piece.since, run.c.queued_at < piece.until)


def _count(connection: Connection, condition: Condition) -> int:
    return connection.execute(select(func.count()).select_from(run).where(condition)).scalar_one()
