"""What every store tells of many runs at once."""

from dataclasses import replace

import pytest

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.store import Batch, Store
from tests.support.fleet_samples import a_run


def some_runs() -> list[RunRecord]:
    done = [
        replace(a_run(n, RunState.SUCCESS), name="load", wait_s=1.0, run_s=float(n), queued_at=n * 10.0)
        for n in range(1, 21)
    ]
    failed = [
        replace(
            a_run(n, RunState.ERROR), name="score", error_type="ValueError", error=f"bad\nrow {n}", queued_at=n * 10.0
        )
        for n in range(21, 25)
    ]
    live = replace(a_run(30, RunState.RUNNING), name="score", queued_at=300.0)
    return [*done, *failed, live]


def test_groups_say_how_many_how_often_they_fail_and_how_long_they_take(store: Store) -> None:
    store.write(Batch(runs=some_runs()))
    found = store.runs.groups("", by="name")
    assert (found.of, found.exact) == (25, True)
    load, score = found.groups
    assert (load.key, load.count, load.failed, load.failure_rate) == ("load", 20, 0, 0.0)
    assert (load.wait_p50_s, load.run_p50_s, load.run_p95_s) == (1.0, 11.0, 20.0)
    assert (score.key, score.count, score.failed, score.live, score.failure_rate) == ("score", 5, 4, 1, 1.0)


def test_failures_are_grouped_by_type_and_first_line(store: Store) -> None:
    store.write(Batch(runs=some_runs()))
    (group,) = store.runs.groups("state:failed", by="error").groups
    assert (group.key, group.count) == ("ValueError: bad", 4)


def test_time_is_cut_into_buckets(store: Store) -> None:
    store.write(Batch(runs=some_runs()))
    found = store.runs.buckets("-state:live", since=0.0, until=200.0, step_s=100.0)
    assert [(group.at, group.count) for group in found.groups] == [(0.0, 9), (100.0, 10)]


def test_an_unknown_grouping_names_those_there_are(store: Store) -> None:
    with pytest.raises(InvalidInput, match="name, error"):
        store.runs.groups("", by="colour")
