"""SQLite: narrow a search in texts down to few candidates by the index of their three-letter pieces.

The index covers ended runs, but for the last few, which wait to be indexed together; those and the live ones are
always candidates. Candidates are verified by the search's own conditions. PostgreSQL finds the index for LIKE by
itself.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, select, true, union_all
from sqlalchemy import text as sql_text

from octostar_runtime.query import Field, Pattern, Query, Term
from octostar_runtime.store.jsontext import clean
from octostar_runtime.store.runcodec import TAG_SEPARATOR
from octostar_runtime.store.schema import run

Condition = ColumnElement[bool]
ALL: Condition = true()
MOST_CANDIDATES = 20_000
MOST_COMMON = 250_000  # as many numbers are put into a set in the time in which some ten thousand rows are read
_INDEXED = frozenset({Field.TEXT, Field.ERROR, Field.ARG, Field.TAG, Field.SESSION})


def candidates(connection: Connection, query: Query) -> Condition | None:
    """Return a condition that few runs satisfy, all that ``query`` finds among them; None when there is no such."""
    match = match_of(query)
    if connection.dialect.name != "sqlite" or match is None:
        return None
    found = _matching(match)
    if at_least(connection, found, MOST_CANDIDATES + 1):
        return None  # common words: following the order of the list finds a page of them sooner
    return run.c.id.in_(_with_others(found))


def common_candidates(connection: Connection, query: Query) -> Condition | None:
    """Return the same for words that more runs have, to be asked of runs that an index has found; None when most do.

    PostgreSQL puts two indexes together by itself: there it is :data:`ALL`.
    """
    match = match_of(query)
    if connection.dialect.name != "sqlite" or match is None:
        return ALL
    found = _matching(match)
    if at_least(connection, found, MOST_COMMON + 1):
        return None
    return func.coalesce(run.c.id, run.c.id).in_(_with_others(found))  # not run.id, by which each would be fetched


def at_least(connection: Connection, wanted: Select[Any], number: int) -> bool:
    """Whether a statement finds so many rows."""
    some = wanted.limit(number).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() >= number


def _matching(match: str) -> Select[Any]:
    matched = sql_text("run_search MATCH :pieces").bindparams(bindparam("pieces", match, unique=True))
    return select(literal_column("rowid")).select_from(sql_text("run_search")).where(matched)


def _with_others(found: Select[Any]) -> Any:
    """Add the runs that are not in the index: live ones, and those that wait."""
    live = select(run.c.id).where(run.c.ended_at.is_(None))
    due: Any = select(literal_column("id")).select_from(sql_text("run_search_due"))
    return union_all(found, due, live)


def match_of(query: Query) -> str | None:
    """Return what to ask the index; None when no term of the query has three letters in a row to go by."""
    asked = [match for group in query.groups if (match := _group(group)) is not None]
    return " AND ".join(asked) if asked else None


def _group(group: tuple[Term, ...]) -> str | None:
    alternatives: list[str] = []
    for term in group:
        if term.exclude or term.field not in _INDEXED:
            return None
        for pattern in term.patterns:
            pieces = pieces_of(pattern, whole=term.field is Field.TAG)
            if not pieces:
                return None
            alternatives.append(f"({' AND '.join(_token(piece) for piece in sorted(pieces))})")
    return f"({' OR '.join(alternatives)})"


def pieces_of(pattern: Pattern, *, whole: bool) -> frozenset[str]:
    """Return the three-letter pieces that every text with this pattern has."""
    parts = [clean(part) for part in pattern.parts]
    if whole:  # a tag stands between separators
        parts[0] = TAG_SEPARATOR + parts[0]
        parts[-1] += TAG_SEPARATOR
    return frozenset(part[at : at + 3] for part in parts for at in range(len(part) - 2))


def _token(piece: str) -> str:
    doubled = piece.replace('"', '""')
    return f'"{doubled}"'
