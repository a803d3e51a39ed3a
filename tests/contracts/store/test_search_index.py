"""SQLite's index of texts: runs wait to be indexed together, and are found, changed and forgotten all the same."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Batch, open_store
from octostar_runtime.store.indexing import MOST_DUE, PAUSE_S, TextIndex
from octostar_runtime.store.sqlstore import SqlStore
from octostar_runtime.store.writing import write_batch
from octostar_runtime.testing import ManualClock
from tests.contracts.store.conftest import a_node
from tests.support.fleet_samples import a_run


@pytest.fixture
def sqlite(tmp_path: Path, clock: ManualClock) -> Iterator[SqlStore]:
    store = open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}", clock=clock, node=a_node("here"), settings=Settings())
    assert isinstance(store, SqlStore)
    yield store
    store.close()


def ended(number: int, word: str) -> RunRecord:
    return replace(a_run(number, RunState.SUCCESS), arguments=f"path='{word}'", user="ann")


def due(store: SqlStore) -> int:
    with store.database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM run_search_due")).scalar_one())


def index_all(store: SqlStore) -> None:
    TextIndex(store.database, ManualClock()).step()


def indexed(store: SqlStore, word: str) -> int:
    with store.database.read() as connection:
        found = text("SELECT count(*) FROM run_search WHERE run_search MATCH :pieces")
        pieces = " AND ".join(f'"{word[at : at + 3]}"' for at in range(len(word) - 2))
        return int(connection.execute(found, {"pieces": pieces}).scalar_one())


def assert_index_agrees(store: SqlStore) -> None:
    """Compare the index with the rows; SQLite raises an error when they differ."""
    with store.database.write() as connection:
        connection.execute(text("INSERT INTO run_search (run_search, rank) VALUES ('integrity-check', 1)"))


def test_a_run_that_waits_to_be_indexed_is_found(sqlite: SqlStore) -> None:
    sqlite.write(Batch(runs=[ended(1, "zebra")]))
    assert due(sqlite) == 1
    assert indexed(sqlite, "zebra") == 0
    assert sqlite.runs.count("zebra") == 1
    index_all(sqlite)
    assert due(sqlite) == 0
    assert indexed(sqlite, "zebra") == 1
    assert sqlite.runs.count("zebra") == 1


def test_few_wait_however_many_end(sqlite: SqlStore) -> None:
    for start in range(1, 2 * MOST_DUE, 400):
        sqlite.write(Batch(runs=[ended(number, "zebra") for number in range(start, start + 400)]))
        assert due(sqlite) < MOST_DUE
    assert indexed(sqlite, "zebra") >= MOST_DUE
    assert sqlite.runs.count("zebra") == 2000


def test_what_an_earlier_release_left_is_caught_up_with_in_steps(
    sqlite: SqlStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octostar_runtime.store.indexing.AT_ONCE", 30)
    monkeypatch.setattr("octostar_runtime.store.indexing.MOST_DUE", 5)
    with sqlite.database.write() as connection:
        write_batch(connection, Batch(runs=[ended(number, "zebra") for number in range(1, 101)]))
    waiting = []
    while left := due(sqlite):
        waiting.append(left)
        index_all(sqlite)
    assert waiting == [100, 70, 40, 10]
    assert indexed(sqlite, "zebra") == 100
    assert_index_agrees(sqlite)


def test_whoever_looks_after_the_store_indexes_what_nobody_else_does(sqlite: SqlStore, clock: ManualClock) -> None:
    with sqlite.database.write() as connection:
        write_batch(connection, Batch(runs=[ended(number, "zebra") for number in range(MOST_DUE)]))
    sqlite.tend()
    assert (due(sqlite), indexed(sqlite, "zebra")) == (0, MOST_DUE)


def test_an_index_that_cannot_be_written_harms_no_batch_and_is_tried_again_later(
    sqlite: SqlStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    def fail(connection: Connection) -> None:
        tried.append(connection)
        connection.execute(text("DELETE FROM run_search_due"))  # undone with all the rest
        raise RuntimeError("the index is broken")

    with monkeypatch.context() as patched:
        patched.setattr("octostar_runtime.store.indexing._index", fail)
        patched.setattr("octostar_runtime.store.indexing.MOST_DUE", 1)
        for number in range(1, 4):
            sqlite.write(Batch(runs=[ended(number, "zebra")]))
    assert len(tried) == 1
    assert "the search index waits" in caplog.text
    assert (due(sqlite), sqlite.runs.count("zebra")) == (3, 3)
    clock.advance(PAUSE_S)
    sqlite.write(Batch(runs=[ended(number, "zebra") for number in range(4, 4 + MOST_DUE)]))
    assert (due(sqlite), sqlite.runs.count("zebra")) == (0, 3 + MOST_DUE)


def test_two_who_index_at_once_index_each_run_once(sqlite: SqlStore) -> None:
    sqlite.write(Batch(runs=[ended(number, "zebra") for number in range(1, 501)]))
    ready = threading.Barrier(4)

    def work() -> None:
        ready.wait(10)
        index_all(sqlite)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (due(sqlite), indexed(sqlite, "zebra")) == (0, 500)
    assert_index_agrees(sqlite)


@pytest.mark.parametrize("first_indexed", [False, True])
def test_what_was_erased_is_not_in_the_index(sqlite: SqlStore, *, first_indexed: bool) -> None:
    sqlite.write(Batch(runs=[ended(1, "zebra"), ended(2, "zebra")]))
    if first_indexed:
        index_all(sqlite)
    sqlite.erase_user("ann")
    assert sqlite.runs.count("zebra") == 0
    index_all(sqlite)
    assert indexed(sqlite, "zebra") == 0
    assert_index_agrees(sqlite)


@pytest.mark.parametrize("first_indexed", [False, True])
def test_what_changed_after_its_end_is_found_by_its_new_texts_only(sqlite: SqlStore, *, first_indexed: bool) -> None:
    run = ended(1, "zebra")
    sqlite.write(Batch(runs=[run, ended(2, "zebra")]))
    if first_indexed:
        index_all(sqlite)
    for word in ("horse", "camel"):
        run = replace(run, seq=run.seq + 1, arguments=f"path='{word}'")
        sqlite.write(Batch(runs=[run]))
    assert [sqlite.runs.count(word) for word in ("zebra", "horse", "camel")] == [1, 0, 1]
    index_all(sqlite)
    assert [sqlite.runs.count(word) for word in ("zebra", "horse", "camel")] == [1, 0, 1]
    assert_index_agrees(sqlite)


@pytest.mark.parametrize("first_indexed", [False, True])
def test_what_was_forgotten_is_not_in_the_index(sqlite: SqlStore, *, first_indexed: bool) -> None:
    sqlite.write(Batch(runs=[ended(1, "zebra"), ended(2, "horse")]))
    if first_indexed:
        index_all(sqlite)
    with sqlite.database.write() as connection:
        connection.execute(text("DELETE FROM run WHERE args_text LIKE '%zebra%'"))
    assert due(sqlite) == (0 if first_indexed else 1)
    index_all(sqlite)
    assert indexed(sqlite, "zebra") == 0
    assert indexed(sqlite, "horse") == 1
    assert_index_agrees(sqlite)
