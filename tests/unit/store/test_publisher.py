"""The publisher beside a store that fails, hangs and comes back."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from octostar_runtime.clock import SystemClock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.events import EventBus
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Batch, Publisher
from octostar_runtime.store.memory import MemoryStore
from octostar_runtime.testing import ManualClock, wait_until
from tests.contracts.store.conftest import a_node
from tests.support.fleet_samples import a_run


class WeakStore(MemoryStore):
    """A store in memory that can be away, hang, or refuse one row."""

    def __init__(self) -> None:
        super().__init__(clock=ManualClock(), node=a_node("here"), settings=Settings())
        self.away = False
        self.poison: str | None = None
        self.open = threading.Event()
        self.open.set()
        self.batches = 0

    def write(self, batch: Batch) -> None:
        self.open.wait(20)
        if self.away:
            raise StoreUnavailable("disk full")
        if self.poison in [run.run_id for run in batch.runs]:
            raise ValueError("this row breaks the store")
        self.batches += 1
        super().write(batch)


class Work:
    """Runs that changed since they were last asked for."""

    def __init__(self) -> None:
        self.changed: list[RunRecord] = []

    def drain(self, limit: int) -> list[RunRecord]:
        piece, self.changed = self.changed[:limit], self.changed[limit:]
        return piece


@pytest.fixture
def store() -> WeakStore:
    return WeakStore()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def publisher(store: WeakStore, work: Work) -> Iterator[Publisher]:
    publisher = Publisher(store, clock=SystemClock(), drain_runs=work.drain, drain_sessions=list, bus=EventBus())
    yield publisher
    store.open.set()
    publisher.stop()


def test_many_changes_of_a_run_become_one_row(store: WeakStore, work: Work, publisher: Publisher) -> None:
    run = a_run(1, RunState.RUNNING)
    work.changed = [replace(run, seq=seq) for seq in range(1, 50)]
    publisher.start()
    publisher.on_change()
    wait_until(lambda: store.runs.get(run.run_id), what="the run")
    assert store.batches == 1
    assert getattr(store.runs.get(run.run_id), "seq", None) == 49


def test_a_flood_is_carried_in_pieces_with_rests_in_between(
    store: WeakStore, work: Work, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octostar_runtime.store.publisher.ROWS_AT_ONCE", 10)
    work.changed = [a_run(n, RunState.SUCCESS) for n in range(1, 96)]
    publisher.start()
    publisher.on_change()
    wait_until(lambda: store.runs.count("") == 95, what="all rows")
    assert store.batches == 10
    work.changed = [a_run(n, RunState.SUCCESS) for n in range(101, 112)]
    assert publisher.flush_now()
    assert (store.runs.count(""), store.batches) == (106, 12)


def test_while_the_store_is_away_as_much_is_taken_over_as_there_is_room_for(
    store: WeakStore, work: Work, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octostar_runtime.store.publisher.ROWS_AT_ONCE", 10)
    store.away = True
    work.changed = [a_run(n, RunState.SUCCESS) for n in range(1, 96)]
    assert not publisher.flush_now()
    assert (work.changed, publisher.health().buffered) == ([], 95)
    store.away = False
    assert publisher.flush_now()
    assert store.runs.count("") == 95


def test_while_the_store_is_away_changes_wait_and_then_all_are_stored(
    store: WeakStore, work: Work, publisher: Publisher
) -> None:
    store.away = True
    work.changed = [a_run(n, RunState.SUCCESS) for n in range(1, 21)]
    assert not publisher.flush_now()
    health = publisher.health()
    assert (health.buffered, health.dropped) == (20, 0)
    assert (health.ok, health.error) == (False, "disk full")  # whatever else the store may take meanwhile
    store.away = False
    assert publisher.flush_now()
    assert store.runs.count("") == 20
    assert (publisher.health().buffered, publisher.health().ok) == (0, True)


def test_one_row_that_cannot_be_stored_does_not_hold_up_the_others(
    store: WeakStore, work: Work, publisher: Publisher
) -> None:
    store.poison = a_run(7, RunState.SUCCESS).run_id
    work.changed = [a_run(n, RunState.SUCCESS) for n in range(1, 11)]
    assert publisher.flush_now()
    assert store.runs.count("") == 9
    assert publisher.health().dropped == 1


def test_a_store_that_hangs_is_told_as_away_and_holds_up_nobody(
    store: WeakStore, work: Work, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("octostar_runtime.store.publisher.SILENT_S", 0.1)
    monkeypatch.setattr("octostar_runtime.store.publisher.MOST_WAIT_S", 0.1)
    store.open.clear()
    work.changed = [a_run(1, RunState.SUCCESS)]
    publisher.start()
    publisher.on_change()
    wait_until(lambda: not publisher.health().ok, what="the silence to be told")
    assert "has not answered" in str(publisher.health().error)
    assert not publisher.flush_now()
    assert not publisher.stop(timeout_s=0.1)
    store.open.set()
    wait_until(lambda: store.runs.count("") == 1, what="the row")


def test_when_it_is_full_of_ends_the_managers_keep_the_rest(store: WeakStore, work: Work) -> None:
    publisher = Publisher(
        store, clock=SystemClock(), drain_runs=work.drain, drain_sessions=list, bus=EventBus(), capacity=5
    )
    store.away = True
    work.changed = [a_run(n, RunState.SUCCESS) for n in range(1, 8)]
    publisher.flush_now()
    work.changed = [a_run(50, RunState.SUCCESS)]
    publisher.flush_now()
    assert len(work.changed) == 1
    store.away = False
    assert publisher.stop()
    assert store.runs.count("") == 8
    assert publisher.health().dropped == 0
