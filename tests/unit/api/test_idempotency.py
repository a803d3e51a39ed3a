"""A key runs its request once."""

import pytest

from octostar_runtime.api.idempotency import IdempotencyKeys
from octostar_runtime.errors import InvalidTransition, StoreUnavailable
from octostar_runtime.models.calls import KEPT_S, KeyedCall
from octostar_runtime.store.memory.callkeys import MemoryCallKeys
from octostar_runtime.testing import ManualClock


class Store(MemoryCallKeys):
    """Keys in a store that may go away."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock.time, limit=100)
        self.away = False

    def claim(self, key: str, content: str) -> KeyedCall | None:
        self._reach()
        return super().claim(key, content)

    def settle(self, key: str, run_id: str) -> None:
        self._reach()
        super().settle(key, run_id)

    def free(self, key: str) -> None:
        self._reach()
        super().free(key)

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Store:
    return Store(clock)


@pytest.fixture
def published() -> list[bool]:
    return []


@pytest.fixture
def keys(store: Store, published: list[bool]) -> IdempotencyKeys:
    return IdempotencyKeys(store, lambda: published.append(True))


def _fail() -> str:
    raise RuntimeError("could not start")


def test_the_second_request_with_a_key_gets_the_first_ones_run(keys: IdempotencyKeys, published: list[bool]) -> None:
    assert keys.run_once("k", "same", lambda: "run-1") == ("run-1", True)
    assert published == [True], "whoever finds the key finds the run"
    assert keys.run_once("k", "same", lambda: "run-2") == ("run-1", False)


def test_another_process_with_the_same_store_gets_it_too(keys: IdempotencyKeys, store: Store) -> None:
    keys.run_once("k", "same", lambda: "run-1")
    assert IdempotencyKeys(store, lambda: None).run_once("k", "same", lambda: "run-2") == ("run-1", False)


def test_a_key_belongs_to_one_request(keys: IdempotencyKeys) -> None:
    keys.run_once("k", "one", lambda: "run-1")
    with pytest.raises(InvalidTransition, match="fresh key"):
        keys.run_once("k", "other", lambda: "run-2")


def test_while_the_first_request_is_taken_the_second_has_to_ask_again(keys: IdempotencyKeys) -> None:
    def start() -> str:
        with pytest.raises(InvalidTransition, match="still being taken"):
            keys.run_once("k", "same", lambda: "run-2")
        return "run-1"

    assert keys.run_once("k", "same", start) == ("run-1", True)


def test_a_request_that_could_not_start_leaves_its_key_free(keys: IdempotencyKeys) -> None:
    with pytest.raises(RuntimeError):
        keys.run_once("k", "same", _fail)
    assert keys.run_once("k", "same", lambda: "run-1") == ("run-1", True)


def test_a_key_is_forgotten_after_a_day(keys: IdempotencyKeys, clock: ManualClock) -> None:
    keys.run_once("k", "one", lambda: "run-1")
    clock.advance(KEPT_S + 1)
    assert keys.run_once("k", "other", lambda: "run-2") == ("run-2", True)


def test_without_a_store_nobody_can_tell_whether_it_ran_so_it_is_not_started(
    keys: IdempotencyKeys, store: Store
) -> None:
    store.away = True
    with pytest.raises(StoreUnavailable):
        keys.run_once("k", "same", lambda: pytest.fail("it was started"))


def test_a_store_that_goes_away_in_between_starts_nothing_twice(keys: IdempotencyKeys, store: Store) -> None:
    def start() -> str:
        store.away = True
        return "run-1"

    assert keys.run_once("k", "same", start) == ("run-1", True)
    assert keys.run_once("k", "same", lambda: "run-2") == ("run-1", False)
    with pytest.raises(InvalidTransition, match="fresh key"):
        keys.run_once("k", "other", lambda: "run-2")
