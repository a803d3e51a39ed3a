"""Of a large snapshot hardly any record is looked at, and none that is new is missed."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.telemetry.run_totals import RunTotals


def _run(number: int) -> RunRecord:
    return RunRecord(
        run_id=f"run-{number}", task_id="t", name="report", pool="default", node_id="n", state=RunState.RUNNING, seq=1,
        queued_at=float(number),
    )  # fmt: skip


def _ended(run: RunRecord) -> RunRecord:
    return replace(run, state=RunState.SUCCESS, ended_at=1.0, seq=2)


@given(st.lists(st.tuples(st.sampled_from(["start", "end", "forget"]), st.integers(0, 30)), max_size=60))
def test_every_end_is_counted_once_whatever_comes_goes_and_changes_between(steps: list[tuple[str, int]]) -> None:
    totals, shown, ended = RunTotals(), list[RunRecord](), 0
    totals.follow(FleetSnapshot(taken_at=0.0, node_id="n"))
    for number, (step, where) in enumerate(steps):
        if step == "start" or not shown:
            shown.insert(0, _run(number))
        else:
            at = where % len(shown)
            if step == "forget":
                del shown[at]
            elif shown[at].ended_at is None:
                shown[at] = _ended(shown[at])
                ended += 1
        if where % 3 == 0:  # several things may happen between two looks
            continue
        totals.follow(FleetSnapshot(taken_at=0.0, node_id="n", runs=tuple(shown)))
        told = totals.read()
        live = Counter(("default", "report", "running") for run in shown if run.ended_at is None)
        assert told.live == live
    seen = {run.run_id for run in shown if run.ended_at is not None}
    totals.follow(FleetSnapshot(taken_at=0.0, node_id="n", runs=tuple(shown)))
    assert len(seen) <= sum(totals.read().ended.values()) <= ended
