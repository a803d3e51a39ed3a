"""A key runs its request once."""

import pytest

from octostar_runtime.api.idempotency import IdempotencyKeys
from octostar_runtime.errors import InvalidTransition
from octostar_runtime.testing import ManualClock


def _fail() -> str:
    raise RuntimeError("could not start")


def test_the_second_request_with_a_key_gets_the_first_ones_run() -> None:
    keys = IdempotencyKeys(ManualClock())
    assert keys.run_once("k", "same", lambda: "run-1") == ("run-1", True)
    assert keys.run_once("k", "same", lambda: "run-2") == ("run-1", False)


def test_a_key_belongs_to_one_request() -> None:
    keys = IdempotencyKeys(ManualClock())
    keys.run_once("k", "one", lambda: "run-1")
    with pytest.raises(InvalidTransition, match="fresh key"):
        keys.run_once("k", "other", lambda: "run-2")


def test_while_the_first_request_is_taken_the_second_has_to_ask_again() -> None:
    keys = IdempotencyKeys(ManualClock())

    def start() -> str:
        with pytest.raises(InvalidTransition, match="still being taken"):
            keys.run_once("k", "same", lambda: "run-2")
        return "run-1"

    assert keys.run_once("k", "same", start) == ("run-1", True)


def test_a_request_that_could_not_start_leaves_its_key_free() -> None:
    keys = IdempotencyKeys(ManualClock())
    with pytest.raises(RuntimeError):
        keys.run_once("k", "same", _fail)
    assert keys.run_once("k", "same", lambda: "run-1") == ("run-1", True)


def test_a_key_is_forgotten_after_a_day() -> None:
    clock = ManualClock()
    keys = IdempotencyKeys(clock)
    keys.run_once("k", "one", lambda: "run-1")
    clock.advance(86_401)
    assert keys.run_once("k", "other", lambda: "run-2") == ("run-2", True)
