"""Groups of tasks: what a row says, and that its link finds exactly the group's runs."""

from urllib.parse import unquote_plus

import pytest

from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.query import parse
from octostar_runtime.store.memory import MemoryRuns
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import task_groups
from tests.support.fleet_samples import NOW, a_run


def archive(*runs: RunRecord) -> MemoryRuns:
    kept = MemoryRuns(lambda: NOW, limit=1000)
    kept.write(runs)
    return kept


def failed(number: int, error: str, error_type: str = "ValueError") -> RunRecord:
    return a_run(number, RunState.ERROR, error_type=error_type, error=error)


ERRORS = [
    failed(1, 'row 3: "amount" is -12,5'),
    failed(2, 'row 4711: "amount" is -1'),
    failed(3, "row 5 has no * in it"),
    failed(4, "row 6 of 10 of 0x7f3a", "OSError"),
    failed(5, "", "KeyError"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_the_link_of_an_error_finds_the_runs_of_its_group_and_no_others(error: RunRecord) -> None:
    table = task_groups.by_key(archive(*ERRORS).groups("", by="error"), "error", Links())

    keys = {str(row[1]): str(row[0]) for row in table.rows}
    assert set(keys) == {
        'ValueError: row #: "amount" is -#', "ValueError: row # has no * in it", "OSError: row # of # of #", "KeyError",
    }  # fmt: skip
    found = [key for key, search in keys.items() if parse(f"error:{search}").matches(error, NOW)]
    assert len(found) == 1
    assert error.error_type is not None
    assert found[0].startswith(error.error_type)


def test_the_link_of_a_name_with_blanks_finds_its_runs() -> None:
    runs = [a_run(1, RunState.SUCCESS, name='load "all", now'), a_run(2, RunState.SUCCESS, name="load")]
    table = task_groups.by_key(archive(*runs).groups("", by="name"), "name", Links())

    assert unquote_plus(table.columns[0].href).endswith("q=name:{id}")
    for row in table.rows:
        (found,) = [run.name for run in runs if parse(f"name:{row[0]}").matches(run, NOW)]
        assert found == row[1]


def test_failing_groups_come_first_and_live_runs_count_for_no_rate() -> None:
    runs = [
        a_run(1, RunState.SUCCESS, name="import"),
        a_run(2, RunState.SUCCESS, name="import"),
        a_run(3, RunState.ERROR, name="report", wait_s=1.0, run_s=5.0),
        a_run(4, RunState.RUNNING, name="report", wait_s=2.0, run_s=None),
        a_run(5, RunState.RUNNING, name="watch"),
    ]
    table = task_groups.by_key(archive(*runs).groups("", by="name"), "name", Links())

    assert [row[1:6] for row in table.rows] == [
        ["report", "2", "1", "1", 1.0], ["import", "2", "0", "0", 0.0], ["watch", "1", "1", "0", None],
    ]  # fmt: skip


def test_time_is_told_newest_first() -> None:
    runs = [a_run(n, RunState.SUCCESS, queued_at=NOW - n * 1800.0) for n in range(1, 5)]
    table = task_groups.over_time(archive(*runs).buckets("", since=NOW - 7200, until=NOW, step_s=3600.0))

    assert [row[1] for row in table.rows] == sorted((row[1] for row in table.rows), key=lambda at: -float(str(at)))
    assert sum(int(str(row[2])) for row in table.rows) == 4
