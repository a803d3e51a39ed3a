"""The page of one run: what it says of the state the run is in."""

import pytest

from octostar_runtime.models.runs import RunState
from octostar_runtime.ui import words
from octostar_runtime.ui.queries import run as queries
from tests.support.fleet_samples import NOW, a_run, a_stuck_run

QUEUED, RUNNING = (RunState.QUEUED, NOW - 100), (RunState.RUNNING, NOW - 90)


@pytest.mark.parametrize(
    ("state", "after", "since"),
    [
        (RunState.QUEUED, (), NOW - 100),
        (RunState.RUNNING, (RUNNING,), NOW - 90),
        (RunState.RETRY_WAIT, (RUNNING, (RunState.RETRY_WAIT, NOW - 7)), NOW - 7),
        (RunState.CANCELLING, (RUNNING, (RunState.CANCELLING, NOW - 5)), NOW - 5),
        (RunState.SUCCESS, (RUNNING, (RunState.SUCCESS, NOW - 1)), None),
    ],
)
def test_a_live_run_tells_how_long_it_is_in_its_state(
    state: RunState, after: tuple[tuple[RunState, float], ...], since: float | None
) -> None:
    assert queries.there_since(a_run(1, state, timeline=(QUEUED, *after))) == since


def test_a_stuck_run_is_so_since_it_was_asked_to_stop_not_since_it_began() -> None:
    run = a_stuck_run()

    assert run.cancel is not None
    assert queries.there_since(run) == run.cancel.requested_at
    assert queries.state_word(run) is words.STUCK
