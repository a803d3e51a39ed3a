"""What is confirmed is what is done: fewer may have to do, more have to be confirmed anew."""

from collections.abc import Callable

import pytest

from octostar_runtime.errors import CountChanged
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.ui.actions import cancel_matching, retry_matching
from octostar_runtime.ui.actions.confirm import Answers

OLGA = Principal(name="olga", role=Role.OPERATOR, via="link")


class BusyQueue:
    """Operations over a number of matching runs that is another one each time somebody looks."""

    def __init__(self, *counts: int) -> None:
        self.counts = list(counts)
        self.touched: list[int] = []

    def cancel_matching(self, query: str, expected: int, *, by: Principal, reason: str) -> tuple[Outcome, ...]:
        now = self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]
        if now != expected:
            raise CountChanged(f"{now} runs match now, not {expected}", current=now)
        self.touched.append(now)
        return tuple(Outcome(target=str(number), ok=True) for number in range(now))

    retry_matching = cancel_matching


@pytest.mark.parametrize("ask", [cancel_matching, retry_matching])
def test_tasks_that_ended_between_question_and_click_need_no_new_question(ask: Callable[..., object]) -> None:
    queue = BusyQueue(90, 85, 85)

    said = ask("pool:gpu", 100).deed(queue, OLGA, Answers())  # type: ignore[attr-defined]

    assert queue.touched == [85]
    assert said.startswith("85 ")


def test_more_than_were_confirmed_are_never_touched() -> None:
    queue = BusyQueue(101)
    request = cancel_matching("pool:gpu", 100)

    with pytest.raises(CountChanged) as changed:
        request.deed(queue, OLGA, Answers())  # type: ignore[arg-type]

    assert queue.touched == []
    assert request.recounted is not None
    assert "101" in request.recounted(changed.value.current).title


def test_a_count_that_falls_to_nothing_is_told_as_nothing_done() -> None:
    queue = BusyQueue(3, 0, 0)
    assert cancel_matching("", 9).deed(queue, OLGA, Answers()) == "0 cancelled"  # type: ignore[arg-type]
