"""Every store there is, behind one fixture: the tests of this folder run over each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.settings import Settings
from octostar_runtime.store import Store, open_store
from octostar_runtime.store.schema import metadata
from octostar_runtime.store.sqlstore import SqlStore
from octostar_runtime.testing import ManualClock
from tests.support.postgres import Postgres, running_postgres

KINDS = ("memory", "sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _url(request.param, request, tmp_path)


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> str:
    """One database for all tests that need no fresh one: to empty it takes a fraction of making another."""
    return postgres.new_database()


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    shared = request.param == "postgresql"
    url = request.getfixturevalue("shared_database") if shared else _url(request.param, request, tmp_path)
    opened = open_store(url, clock=clock, node=a_node("here"), settings=Settings(history_rows=1000))
    if isinstance(opened, SqlStore) and shared:
        empty(opened)
    yield opened
    opened.close()


def empty(store: SqlStore) -> None:
    """Remove all rows, and number new ones from the beginning."""
    tables = ", ".join(f'"{name}"' for name in metadata.tables)
    with store.database.write() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))


@pytest.fixture
def open_node(url: str, clock: ManualClock) -> Iterator[Callable[[str], Store]]:
    """Open the same store again, as another node of that id would."""
    opened: list[Store] = []

    def open_as(node_id: str) -> Store:
        store = open_store(url, clock=clock, node=a_node(node_id), settings=Settings())
        opened.append(store)
        return store

    yield open_as
    for store in opened:
        store.close()


def _url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "memory":
        return "memory:"
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite3'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


def a_node(node_id: str, **changes: object) -> NodeRecord:
    values: dict[str, object] = {
        "node_id": node_id,
        "name": node_id,
        "kind": "ui",
        "host": "host",
        "pid": 1,
        "version": "1",
        "started_at": 1_800_000_000.0,
        "heartbeat_at": 1_800_000_000.0,
    }
    return NodeRecord(**(values | changes))  # type: ignore[arg-type]
