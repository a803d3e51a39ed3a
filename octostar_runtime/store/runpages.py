"""Cut one page out of the runs that a search finds, in order, and say how many there are in all.

What makes a page slow is reading rows that do not belong to it, all over a big table. So what is found is sorted by
hand from one wide index, which costs the same whatever is asked for, unless most runs are found: then the order's own
index is followed until the page is full.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Text, and_, func, or_, select
from sqlalchemy.sql.elements import SQLColumnExpression

from octostar_runtime.errors import InvalidInput
from octostar_runtime.store.jsontext import clean
from octostar_runtime.store.schema import run, tally

Condition = ColumnElement[bool]
COUNTED = 1_000
#: From this many on it is worth it to follow an order; SQLite's planner, which knows no numbers, is told the index.
MANY = 20_000
WIDE = "run_state"
NEWEST = "run_queued"
#: What may be sorted by, and the index that has it in order.
SORTS: Mapping[str, tuple[Column[Any], str | None]] = {
    "queued_at": (run.c.queued_at, None),  # in order behind names, users and states as well: the planner knows better
    "started_at": (run.c.started_at, None),
    "ended_at": (run.c.ended_at, "run_ended"),
    "name": (run.c.name_key, "run_name"),
    "user": (run.c.user_key, "run_user"),
    "state": (run.c.state, None),
    "pool": (run.c.pool, None),
    "node_id": (run.c.node_id, None),
    "wait_s": (run.c.wait_s, "run_wait"),
    "run_s": (run.c.run_s, "run_took"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search finds: ``few`` when it fits into memory, ``cheap`` when an index can count it, or it is all.

    ``often``: so many, all over the list, that following its order fills a page soon.
    """

    condition: Condition
    few: bool = False
    often: bool = False
    cheap: bool = False
    all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfIds:
    """The row ids of one page. ``next`` continues behind it; ``total`` is a lower bound unless ``exact``."""

    ids: tuple[int, ...]
    next: str | None
    total: int
    exact: bool


def page_of(
    connection: Connection, found: Found, *, sort: str, limit: int, offset: int = 0, after: str | None = None
) -> PageOfIds:
    """Return ``limit`` runs of those ``found``, behind the cursor ``after`` or the first ``offset`` of them.

    InvalidInput when the order or the cursor cannot be read.
    """
    order = Order.read(sort)
    if found.few and after is None:
        rows, total, exact = _of_few(connection, found, order, limit, offset)
    else:
        known = _count(connection, found) if found.all or found.cheap else None
        wanted = _ordered(connection, found, known, order).where(found.condition).limit(limit + 1)
        page = wanted.where(order.behind(after)) if after else wanted.offset(offset)
        rows = list(connection.execute(page).all())
        total, exact = _total(connection, found, known, seen_all=None if after else _end_of(rows, limit, offset))
    ids = tuple(row[0] for row in rows[:limit])
    more = order.cursor(rows[limit - 1][0], rows[limit - 1][1]) if len(rows) > limit else None
    return PageOfIds(ids=ids, next=more, total=max(total, offset + len(ids)) if ids else total, exact=exact)


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted. Runs without a value come last when descending, first when ascending."""

    column: Column[Any]
    index: str | None
    descending: bool

    @classmethod
    def read(cls, sort: str) -> "Order":
        """Return what ``sort`` names, descending with a ``-`` in front; InvalidInput."""
        known = SORTS.get(sort.removeprefix("-"))
        if known is None:
            raise InvalidInput(
                f"cannot sort by {sort!r}; use one of {', '.join(SORTS)}, with a '-' in front to descend"
            )
        return cls(*known, sort.startswith("-"))

    def applied(self, statement: Select[Any], *, by_hand: bool) -> Select[Any]:
        """Order ``statement``; by hand so that no index of the order is followed."""
        column: SQLColumnExpression[Any] = func.coalesce(self.column, self.column) if by_hand else self.column
        ordered = column.desc() if self.descending else column.asc()
        if self.column.nullable:  # else PostgreSQL would not see that its index is in that order
            ordered = ordered.nulls_last() if self.descending else ordered.nulls_first()
        return statement.order_by(ordered, run.c.id.desc() if self.descending else run.c.id.asc())

    @property
    def is_newest(self) -> bool:
        """Whether this is the order of time."""
        return self.column is run.c.queued_at

    def cursor(self, row_id: int, value: object) -> str:
        """Return the text that continues behind a row."""
        return base64.urlsafe_b64encode(json.dumps([value, row_id]).encode()).decode()

    def behind(self, cursor: str) -> Condition:
        """Return what holds for the rows behind a cursor; InvalidInput."""
        value, row_id = self._read_cursor(cursor)
        column = self.column
        later = run.c.id < row_id if self.descending else run.c.id > row_id
        if not column.nullable:  # a range first: that is where an index begins to read
            if self.descending:
                return and_(column <= value, or_(column < value, later))
            return and_(column >= value, or_(column > value, later))
        if value is None:
            same = and_(column.is_(None), later)
            return same if self.descending else or_(same, column.is_not(None))
        same = and_(column == value, later)
        return or_(column < value, column.is_(None), same) if self.descending else or_(column > value, same)

    def _read_cursor(self, cursor: str) -> tuple[Any, int]:
        try:
            value, row_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            row_id = int(row_id)
            if value is not None:
                value = clean(value) if isinstance(self.column.type, Text) else float(value)
            elif not self.column.nullable:
                raise ValueError("it was made for another order")
            if not 0 <= row_id < 2**63:
                raise ValueError("no row has that number")
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise InvalidInput("the page's cursor cannot be read; start again from the first page") from None
        return value, row_id


def _of_few(connection: Connection, found: Found, order: Order, limit: int, offset: int) -> tuple[list[Any], int, bool]:
    """Check each of the few once, for the page and for the total."""
    wanted = order.applied(select(run.c.id, order.column, func.count().over()), by_hand=True).where(found.condition)
    rows = list(connection.execute(wanted.limit(limit + 1).offset(offset)).all())
    if rows or not offset:
        return rows, rows[0][2] if rows else 0, True
    return rows, _count(connection, found), True  # a page behind the last one


def _ordered(connection: Connection, found: Found, total: int | None, order: Order) -> Select[Any]:
    """Return the SELECT of what is found, in an order for which little has to be read."""
    wanted: Select[Any] = select(run.c.id, order.column)
    hint = None
    if found.few:
        return order.applied(wanted, by_hand=True)
    if total is None or found.all:
        wanted = order.applied(wanted, by_hand=False)
        return wanted.with_hint(run, f"INDEXED BY {NEWEST}", "sqlite") if found.often and order.is_newest else wanted
    by_hand = total <= MANY
    if not by_hand and not order.is_newest:
        by_hand = order.index is None or total <= kept(connection) / 2
        hint = WIDE if by_hand else order.index
    wanted = order.applied(wanted, by_hand=by_hand)
    return wanted if hint is None else wanted.with_hint(run, f"INDEXED BY {hint}", "sqlite")


def _end_of(rows: list[Any], limit: int, offset: int) -> int | None:
    """Return how many there are in all when the page shows the end of the list."""
    return offset + len(rows) if len(rows) <= limit and (rows or not offset) else None


def _total(connection: Connection, found: Found, known: int | None, *, seen_all: int | None) -> tuple[int, bool]:
    """Count exactly what is cheap to count, and the rest up to a bound: nobody waits to read "1,000+" instead."""
    exact = known if known is not None else seen_all
    if exact is not None:
        return exact, True
    if found.few:
        return _count(connection, found), True
    some = select(run.c.id).where(found.condition).limit(COUNTED + 1).subquery()
    total = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return min(total, COUNTED), total <= COUNTED


def _count(connection: Connection, found: Found) -> int:
    if found.all:
        live = select(func.count()).select_from(run).where(run.c.ended_at.is_(None))
        return kept(connection) + connection.execute(live).scalar_one()
    return connection.execute(select(func.count()).select_from(run).where(found.condition)).scalar_one()


def kept(connection: Connection) -> int:
    """Return how many ended runs there are, without counting them."""
    return int(connection.execute(select(func.sum(tally.c.n))).scalar() or 0)
