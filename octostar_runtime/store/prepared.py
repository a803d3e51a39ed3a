"""Statements for many rows, their text made once: to build and compile it for every batch costs more than the rest."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
CHUNK = 500  # rows in one statement: below SQLite's limit of variables, and short under its write lock
#: Given what starts an INSERT that knows ON CONFLICT, returns the whole statement.
Make = Callable[[Callable[[Table], Any]], Any]
_texts: dict[tuple[str, Make], str] = {}


def insert(connection: Connection, table: Table) -> Any:
    """Return an INSERT of the connection's dialect, which knows ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def run_many(connection: Connection, make: Make, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run what ``make`` returns for each row: its values in the order in which the statement binds them."""
    if rows:
        connection.exec_driver_sql(_text(connection, make), list(rows))


def _text(connection: Connection, make: Make) -> str:
    key = (connection.dialect.name, make)
    text = _texts.get(key)
    if text is None:
        style = "qmark" if connection.dialect.name == "sqlite" else "format"
        positional = type(connection.dialect)(paramstyle=style)  # type: ignore[call-arg]
        statement = make(lambda table: insert(connection, table))
        text = _texts[key] = str(statement.compile(dialect=positional))
    return text


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterable[Sequence[T]]:
    """Cut ``items`` into slices of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def marks(connection: Connection, values: Sequence[Any]) -> str:
    """Return as many placeholders as there are values, for the ``IN (...)`` of a statement written as text."""
    return ", ".join(["?" if connection.dialect.name == "sqlite" else "%s"] * len(values))
