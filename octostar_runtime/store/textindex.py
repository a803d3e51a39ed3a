"""SQLite: narrow a search in texts down to few candidates by the index of their three-letter pieces.

The index covers ended runs, but for the last few, which wait to be indexed together; those and the live ones are
always candidates. Candidates are verified by the search's own conditions. PostgreSQL finds the index for LIKE by
itself.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, literal_column, select, union_all
from sqlalchemy import text as sql_text

from octostar_runtime.query import Field, Pattern, Query, Term
from octostar_runtime.store.jsontext import clean
from octostar_runtime.store.runcodec import TAG_SEPARATOR
from octostar_runtime.store.schema import run

MOST_CANDIDATES = 20_000
_INDEXED = frozenset({Field.TEXT, Field.ERROR, Field.ARG, Field.TAG, Field.SESSION})


def candidates(connection: Connection, query: Query) -> ColumnElement[bool] | None:
    """Return a condition that few runs satisfy, all that ``query`` finds among them; None when there is no such."""
    match = match_of(query)
    if connection.dialect.name != "sqlite" or match is None:
        return None
    matched = sql_text("run_search MATCH :pieces").bindparams(bindparam("pieces", match, unique=True))
    found: Any = select(literal_column("rowid")).select_from(sql_text("run_search")).where(matched)
    some = found.limit(MOST_CANDIDATES + 1).subquery()
    if connection.execute(select(func.count()).select_from(some)).scalar_one() > MOST_CANDIDATES:
        return None  # common words: following the order of the list finds a page of them sooner
    live = select(run.c.id).where(run.c.ended_at.is_(None))
    due: Any = select(literal_column("id")).select_from(sql_text("run_search_due"))
    return run.c.id.in_(union_all(found, due, live))


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
