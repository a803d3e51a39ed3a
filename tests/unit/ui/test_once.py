"""Work that is the same for all viewers of a snapshot."""

import pytest

from octostar_runtime.ui.queries.once import Once


class Counted:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


def test_the_same_question_about_the_same_value_is_worked_out_once() -> None:
    once, work, frozen = Once(), Counted(), object()

    assert [once.get(frozen, "q", work) for _ in range(5)] == [1] * 5


def test_another_question_and_another_value_are_worked_out_anew() -> None:
    once, work, frozen, equal = Once(), Counted(), (1, [2]), (1, [2])

    assert once.get(frozen, "q", work) == 1
    assert once.get(frozen, "r", work) == 2
    assert once.get(equal, "q", work) == 3  # equal is not enough: to compare would cost what this saves


def test_an_answer_that_is_nothing_is_kept_too() -> None:
    once, frozen = Once(), object()
    asked: list[int] = []

    for _ in range(3):
        once.get(frozen, "q", lambda: asked.append(1))

    assert asked == [1]


def test_no_more_answers_are_kept_than_allowed() -> None:
    once, frozen = Once(kept=3), object()
    work = Counted()

    for number in range(10):
        once.get(frozen, number, work)

    once.get(frozen, 9, work)
    once.get(frozen, 0, work)
    assert work.times == 11  # the newest was known, the oldest had been let go


def test_what_fails_is_tried_again() -> None:
    once, frozen = Once(), object()

    with pytest.raises(ZeroDivisionError):
        once.get(frozen, "q", lambda: 1 // 0)

    assert once.get(frozen, "q", lambda: 7) == 7
