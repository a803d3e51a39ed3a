"""PostgreSQL: writers that work on the same rows at the same time, each in a transaction of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select, text

from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Batch, open_store
from octostar_runtime.store.retention import prune_step
from octostar_runtime.store.schema import run as run_table
from octostar_runtime.store.sqlstore import SqlStore
from octostar_runtime.testing import ManualClock, wait_until
from tests.contracts.store.conftest import a_node, empty
from tests.support.fleet_samples import NOW, a_run, a_session

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
DAYS = 36_500.0


@pytest.fixture
def store(shared_database: str, clock: ManualClock) -> Iterator[SqlStore]:
    opened = open_store(shared_database, clock=clock, node=a_node("here"), settings=Settings())
    assert isinstance(opened, SqlStore)
    empty(opened)
    yield opened
    opened.close()


class Writer(threading.Thread):
    """Does one thing in a thread of its own and keeps what came of it."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 -- shown by the test
            self.error = error


@contextmanager
def holding(store: SqlStore, *run_ids: str) -> Iterator[None]:
    """Keep the rows of some runs locked, as a slow writer would."""
    with store.database.write() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # the machine may be a busy one
        wanted = select(run_table.c.id).where(run_table.c.run_id.in_(run_ids)).with_for_update()
        connection.execute(wanted).all()
        yield


def start(store: SqlStore, *works: Callable[[], object]) -> list[Writer]:
    """Start each as soon as the one before it waits for a lock."""
    writers = []
    for work in works:
        writers.append(Writer(work))
        writers[-1].start()
        wait_until(lambda: waiting(store) == len(writers), timeout_s=20, what="the writer to wait")
    return writers


def waiting(store: SqlStore) -> int:
    with store.database.read() as connection:
        return int(connection.execute(text(WAITING)).scalar_one())


def finish(writers: list[Writer]) -> None:
    for writer in writers:
        writer.join(30)
        assert not writer.is_alive()
    assert [writer.error for writer in writers] == [None] * len(writers)


def lost_node(store: SqlStore, *runs: RunRecord) -> None:
    store.nodes.join(a_node("gone"))
    store.write(Batch(runs=runs))
    with store.database.write() as connection:
        connection.execute(text("UPDATE node SET state = 'lost' WHERE node_id = 'gone'"))


def broken_off(store: SqlStore) -> int:
    """Return how often the database had to end a transaction that waited in a ring."""
    with store.database.read() as connection:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(connection.execute(text(counted)).scalar_one())


def test_a_node_that_comes_back_and_the_one_that_buries_it_do_not_wait_for_each_other(store: SqlStore) -> None:
    first, second = (a_run(number, RunState.RUNNING, node_id="gone", seq=2) for number in (1, 2))
    lost_node(store, first, second)
    ended = replace(first, state=RunState.SUCCESS, seq=3, ended_at=NOW)
    progressed = replace(second, seq=3, progress=0.9)
    before = broken_off(store)
    with holding(store, first.run_id):
        writers = start(
            store,
            lambda: store.nodes.bury("gone", by="here", at=NOW),
            lambda: store.write(Batch(runs=[progressed, ended])),
        )
    finish(writers)
    assert broken_off(store) == before
    assert [stored.state for run in (first, second) if (stored := store.runs.get(run.run_id))] == [RunState.LOST] * 2
    assert store.runs.counts() == {RunState.LOST: 2}


def test_a_run_that_two_end_at_once_has_one_end_and_is_counted_once(store: SqlStore) -> None:
    run = a_run(1, RunState.RUNNING, node_id="gone", seq=2)
    lost_node(store, run)
    ended = replace(run, state=RunState.SUCCESS, seq=3, ended_at=NOW)
    with holding(store, run.run_id):
        writers = start(
            store,
            lambda: store.write(Batch(runs=[ended])),
            lambda: store.nodes.bury("gone", by="here", at=NOW),
        )
    finish(writers)
    stored = store.runs.get(run.run_id)
    assert stored is not None
    assert stored.state is RunState.SUCCESS
    assert store.runs.counts() == {RunState.SUCCESS: 1}
    assert store.events.events(kind="run.lost") == []


def test_a_transaction_that_was_broken_off_is_done_again(store: SqlStore) -> None:
    """Two that lock in opposite order on purpose: the database ends one of them, which then succeeds."""
    first, second = (a_run(number, RunState.RUNNING) for number in (1, 2))
    store.write(Batch(runs=[first, second]))
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def lock(connection: Connection, run_id: str) -> None:
        connection.execute(select(run_table.c.id).where(run_table.c.run_id == run_id).with_for_update()).all()

    def in_order(*run_ids: str) -> None:
        def work(connection: Connection) -> None:
            tries.append(run_ids[0])
            lock(connection, run_ids[0])
            if len(tries) <= 2:
                both_hold_one.wait(20)
            lock(connection, run_ids[1])

        store.database.transact(work)

    writers = [
        Writer(lambda: in_order(first.run_id, second.run_id)),
        Writer(lambda: in_order(second.run_id, first.run_id)),
    ]
    for writer in writers:
        writer.start()
    finish(writers)
    assert len(tries) == 3
    assert store.health().ok


def test_two_nodes_that_forget_at_once_forget_no_more_than_one_does(store: SqlStore) -> None:
    store.write(Batch(runs=[a_run(number, RunState.SUCCESS) for number in range(1, 31)]))
    with store.database.write() as one:
        assert prune_step(one, now=NOW, days=DAYS, rows=20) == 10
        with store.database.write() as other:
            assert prune_step(other, now=NOW, days=DAYS, rows=20) == 0
    assert store.runs.counts() == {RunState.SUCCESS: 20}
    assert store.runs.count("") == 20


def test_sessions_that_return_while_they_are_published_live_once(store: SqlStore) -> None:
    sessions = [a_session(number, node_id="gone") for number in range(1, 9)]
    store.nodes.join(a_node("gone"))
    store.write(Batch(sessions=sessions))
    beat = store.nodes.get("gone").beat
    assert store.nodes.declare_lost("gone", beat=beat, by="here", at=NOW)
    newer = [replace(each, seq=each.seq + 5) for each in reversed(sessions)]

    def publish() -> None:
        for _ in range(20):
            store.write(Batch(sessions=newer))

    writers = [
        Writer(lambda: store.nodes.rejoin(a_node("gone"), at=NOW, sessions=newer)),
        Writer(publish),
    ]
    for writer in writers:
        writer.start()
    finish(writers)
    assert store.nodes.get("gone").record.state is NodeState.OK
    assert {each.session_id for each in store.sessions.live()} == {each.session_id for each in sessions}
