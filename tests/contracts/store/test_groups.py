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
            a_run(n, RunState.ERROR),
            name="score",
            error_type="ValueError",
            error=f"bad row {n}\nof many",
            queued_at=n * 10.0,
        )
        for n in range(21, 25)
    ]
    live = replace(a_run(30, RunState.RUNNING), name="score", queued_at=300.0)
    return [*done, *failed, live]


def test_groups_say_how_many_how_often_they_fail_and_how_long_they_take(store: Store) -> None:
    store.write(Batch(runs=some_runs()))
    found = store.runs.groups("", by="name")
    assert (found.of, found.exact) == (25, True)
    score, load = found.groups
    assert (load.key, load.count, load.failed, load.failure_rate) == ("load", 20, 0, 0.0)
    assert (load.wait_p50_s, load.run_p50_s, load.run_p95_s) == (1.0, 11.0, 20.0)
    assert (score.key, score.count, score.failed, score.live, score.failure_rate) == ("score", 5, 4, 1, 1.0)


def test_failures_are_grouped_by_type_and_first_line(store: Store) -> None:
    store.write(Batch(runs=some_runs()))
    (group,) = store.runs.groups("state:failed", by="error").groups
    assert (group.key, group.count) == ("ValueError: bad row #", 4)
    (unasked,) = store.runs.groups("", by="error").groups
    assert unasked == group


def test_time_is_cut_into_buckets(store: Store) -> None:
    store.write(Batch(runs=some_runs()))
    found = store.runs.buckets("-state:live", since=0.0, until=200.0, step_s=100.0)
    assert [(group.at, group.count) for group in found.groups] == [(0.0, 9), (100.0, 10)]
    assert (found.of, found.exact) == (19, True)
    assert [group.run_p50_s for group in found.groups] == [5.0, 15.0]
    cut = store.runs.buckets("", since=15.0, until=250.0, step_s=100.0)
    assert [(group.at, group.count, group.failed) for group in cut.groups] == [
        (15.0, 8, 0),
        (100.0, 10, 0),
        (200.0, 5, 4),
    ]
    text = store.runs.buckets("bad row", since=0.0, until=400.0, step_s=400.0)
    assert [(group.count, group.failure_rate) for group in text.groups] == [(4, 1.0)]


def test_a_busy_hour_does_not_hide_the_ones_before_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octostar_runtime.store.rungroups.MOST", 20)
    store.write(Batch(runs=some_runs()))
    busy = [replace(a_run(100 + n, RunState.ERROR), queued_at=105.0) for n in range(40)]
    store.write(Batch(runs=busy))
    found = store.runs.buckets("", since=0.0, until=200.0, step_s=100.0)
    assert [(group.at, group.count) for group in found.groups] == [(0.0, 9), (100.0, 50)]
    assert found.groups[1].failed == 40


@pytest.mark.parametrize(
    ("since", "until", "step_s"), [(0.0, 10.0, 0.0), (10.0, 10.0, 1.0), (0.0, float("nan"), 1.0), (0.0, 1e9, 1.0)]
)
def test_time_buckets_that_make_no_sense_are_refused(store: Store, since: float, until: float, step_s: float) -> None:
    with pytest.raises(InvalidInput, match="bucket"):
        store.runs.buckets("", since=since, until=until, step_s=step_s)


def test_an_unknown_grouping_names_those_there_are(store: Store) -> None:
    with pytest.raises(InvalidInput, match="name, error"):
        store.runs.groups("", by="colour")
