"""However many people watch, the store is asked once."""

import itertools
import threading

import pytest

from octostar_runtime.testing import ManualClock
from octostar_runtime.ui.source import Shared


def test_the_same_question_is_asked_once_while_the_answer_is_fresh() -> None:
    clock, numbers = ManualClock(), itertools.count(1)
    shared = Shared(clock.monotonic, fresh_s=1.0)

    answers = [shared.get("q", lambda: next(numbers)) for _ in range(20)]
    clock.advance(1.1)

    assert answers == [1] * 20
    assert shared.get("q", lambda: next(numbers)) == 2


def test_what_took_long_is_shown_longer_but_not_for_ever() -> None:
    clock, numbers = ManualClock(), itertools.count(1)
    shared = Shared(clock.monotonic, fresh_s=2.0, rest=50.0)

    def ask_for(seconds: float) -> int:
        clock.advance(seconds)
        return next(numbers)

    assert shared.get("dear", lambda: ask_for(0.2)) == 1
    clock.advance(9.0)
    assert shared.get("dear", lambda: ask_for(0.2)) == 1
    clock.advance(1.5)
    assert shared.get("dear", lambda: ask_for(5.0)) == 2
    clock.advance(16.0)
    assert shared.get("dear", lambda: ask_for(0.0)) == 3


def test_the_cache_is_bounded() -> None:
    shared = Shared(ManualClock().monotonic, kept=4)

    for number in range(100):
        shared.get(number, list)

    assert len(shared._answers) == 4


def test_a_slow_answer_does_not_hold_up_other_questions() -> None:
    shared = Shared(ManualClock().monotonic)
    slow_began, let_go = threading.Event(), threading.Event()

    def slow() -> int:
        slow_began.set()
        let_go.wait(5)
        return 1

    thread = threading.Thread(target=lambda: shared.get("slow", slow))
    thread.start()
    slow_began.wait(5)
    try:
        assert shared.get("quick", lambda: 2) == 2
    finally:
        let_go.set()
        thread.join(5)


def test_a_question_that_failed_is_asked_again() -> None:
    shared = Shared(ManualClock().monotonic)
    answers = iter([None, 7])

    def ask() -> int:
        answer = next(answers)
        if answer is None:
            raise OSError("away")
        return answer

    with pytest.raises(OSError, match="away"):
        shared.get("q", ask)

    assert shared.get("q", ask) == 7
