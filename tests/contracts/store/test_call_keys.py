"""A key of a call is taken once, by whoever of all nodes comes first."""

import threading
from collections.abc import Callable

from octostar_runtime.models.calls import KEPT_S, PENDING_S, KeyedCall
from octostar_runtime.store import Store
from octostar_runtime.store.retention import prune_step
from octostar_runtime.store.sqlstore import SqlStore
from octostar_runtime.testing import ManualClock


def test_a_key_leads_to_the_run_of_the_first_request(store: Store) -> None:
    assert store.call_keys.claim("k", "body") is None
    assert store.call_keys.claim("k", "body") == KeyedCall(content="body", run_id=None)
    store.call_keys.settle("k", "run-1")
    assert store.call_keys.claim("k", "other") == KeyedCall(content="body", run_id="run-1")
    store.call_keys.free("k")
    assert store.call_keys.claim("k", "body") == KeyedCall(content="body", run_id="run-1"), "it has a run"
    assert store.call_keys.claim("another", "body") is None


def test_a_key_of_which_no_run_came_is_free_again(store: Store, clock: ManualClock) -> None:
    assert store.call_keys.claim("k", "body") is None
    store.call_keys.free("k")
    assert store.call_keys.claim("k", "other") is None
    clock.advance(PENDING_S + 1)  # whoever took it has died before its run began
    assert store.call_keys.claim("k", "body") is None


def test_a_key_is_forgotten_after_a_day(store: Store, clock: ManualClock) -> None:
    store.call_keys.claim("k", "body")
    store.call_keys.settle("k", "run-1")
    clock.advance(KEPT_S - 1)
    assert store.call_keys.claim("k", "body") is not None
    clock.advance(2)
    assert store.call_keys.claim("k", "other") is None


def test_only_one_of_many_at_once_gets_the_key(store: Store) -> None:
    got: list[KeyedCall | None] = []
    ready = threading.Barrier(8)

    def contend() -> None:
        ready.wait()
        got.append(store.call_keys.claim("k", "body"))

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got.count(None) == 1


def test_every_node_knows_a_key_also_after_a_restart(open_node: Callable[[str], Store]) -> None:
    first = open_node("first")
    assert first.call_keys.claim("k", "body") is None
    first.call_keys.settle("k", "run-1")
    assert open_node("second").call_keys.claim("k", "body") == KeyedCall(content="body", run_id="run-1")
    first.close()
    assert open_node("first").call_keys.claim("k", "body") == KeyedCall(content="body", run_id="run-1")


def test_old_keys_are_pruned(open_node: Callable[[str], Store]) -> None:
    store = open_node("here")
    assert isinstance(store, SqlStore)
    store.call_keys.claim("k", "body")
    now = store.time.now()
    gone = []
    for later in (KEPT_S - 60, KEPT_S + 60, KEPT_S + 60):
        with store.database.write() as connection:
            gone.append(prune_step(connection, now=now + later, days=14, rows=1_000))
    assert gone == [0, 1, 0]
