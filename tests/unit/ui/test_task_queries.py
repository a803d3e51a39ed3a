"""The list of tasks: tabs, pages, rows, groups."""

from dataclasses import replace

import pytest

from octostar_runtime.access.visible import View
from octostar_runtime.models.access import ANONYMOUS, Principal, Role
from octostar_runtime.models.runs import RunState
from octostar_runtime.query import parse
from octostar_runtime.settings import Settings
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import tasks
from octostar_runtime.ui.queries.people import Eyes
from tests.support.fleet_samples import NOW, a_run, a_stuck_run, sample_snapshot

OPERATOR = Principal(name="olga", role=Role.OPERATOR, via="link")
EYES = Eyes(View(Settings()), OPERATOR)


def test_each_run_state_belongs_to_exactly_one_tab() -> None:
    told = [state for _, states in tasks.TABS.values() for state in states]

    assert sorted(told) == sorted(state.value for state in RunState)


def test_tabs_count_all_retained_runs_not_the_shown_ones() -> None:
    counts = tasks.tab_counts({RunState.ERROR: 40_000, RunState.LOST: 2, RunState.QUEUED: 7})

    assert (counts["failed"], counts["queued"], counts[""]) == (40_002, 7, 40_009)


def test_a_tab_without_a_search_is_served_from_memory() -> None:
    listed = tasks.from_snapshot(sample_snapshot(), tasks.Wanted(tab="failed"))

    assert listed is not None
    assert {run.state.value for run in listed.runs} <= {"error", "timed_out", "lost"}
    assert listed.total == 15


@pytest.mark.parametrize(
    "wanted",
    [
        tasks.Wanted(text="user:ada"),
        tasks.Wanted(sort="run_s"),
        tasks.Wanted(tab="done", page=10),  # memory holds only the newest of 48,257
    ],
)
def test_what_memory_does_not_surely_hold_is_asked_of_the_archive(wanted: tasks.Wanted) -> None:
    assert tasks.from_snapshot(sample_snapshot(), wanted) is None


def test_a_snapshot_full_of_live_runs_has_not_the_newest_of_all() -> None:
    waiting = [a_run(number, RunState.QUEUED) for number in range(60)]
    full = replace(
        sample_snapshot(runs=tuple(waiting)), runs_limit=60, counts={RunState.QUEUED: 4_000, RunState.SUCCESS: 9}
    )

    assert tasks.from_snapshot(full, tasks.Wanted()) is None
    queued = tasks.from_snapshot(full, tasks.Wanted(tab="queued"))
    assert queued is not None
    assert queued.total == 4_000


def test_the_tab_and_the_box_make_one_search() -> None:
    wanted = tasks.Wanted(tab="queued", text="user:ada* -pool:gpu")

    assert wanted.query == "state:queued,retry_wait user:ada* -pool:gpu"
    assert wanted.parsed()


@pytest.mark.parametrize("tab", tasks.TABS)
@pytest.mark.parametrize("live", [True, False])
def test_a_bulk_action_touches_no_run_outside_its_tab(tab: str, live: bool) -> None:
    wanted = tasks.Wanted(tab=tab)
    runs = sample_snapshot().runs

    touched = [run for run in runs if parse(wanted.narrowed(live=live)).matches(run, NOW)]

    assert touched == [run for run in runs if wanted.parsed().matches(run, NOW) and run.terminal is not live]


@pytest.mark.parametrize(
    ("run", "actions"),
    [
        (a_run(1, RunState.RUNNING), ("cancel",)),
        (a_run(1, RunState.QUEUED), ("cancel",)),
        (a_run(1, RunState.CANCELLING), ()),
        (a_stuck_run(), ("hard_stop",)),
        (a_run(1, RunState.ERROR, retriable=True), ("retry",)),
        (a_run(1, RunState.ERROR, retriable=False), ()),
    ],
)
def test_a_row_offers_only_what_makes_sense(run: object, actions: tuple[str, ...]) -> None:
    assert tasks.offered(run) == actions  # type: ignore[arg-type]


def test_rows_are_named_by_run_id() -> None:
    runs = sample_snapshot().runs[:20]

    assert [row[0] for row in tasks.table(runs, Links(), EYES).rows] == [run.run_id for run in runs]


def test_a_row_does_not_change_while_its_task_just_runs() -> None:
    run = a_run(1, RunState.RUNNING)
    later = replace(run, seq=run.seq + 1)

    assert tasks.table([run], Links(), EYES).rows == tasks.table([later], Links(), EYES).rows


def test_a_viewer_sees_no_user_when_the_settings_hide_people() -> None:
    eyes = Eyes(View(Settings(show_personal="hidden")), replace(ANONYMOUS, role=Role.VIEWER))
    run = a_run(1, RunState.RUNNING, user="ada@example.org")

    assert "ada@example.org" not in str(tasks.table([run], Links(), eyes).rows)


def test_a_tab_and_a_state_in_the_box_have_to_hold_both() -> None:
    failed = a_run(1, RunState.ERROR)
    running = a_run(2, RunState.RUNNING)

    both = tasks.Wanted(tab="running", text="state:failed").parsed()
    same = tasks.Wanted(tab="failed", text="state:error,lost").parsed()

    assert not both.matches(failed, 0.0)
    assert not both.matches(running, 0.0)
    assert same.matches(failed, 0.0)
    assert not same.matches(a_run(3, RunState.TIMED_OUT), 0.0)
