"""Metrics: valid, bounded, counted once, and quick on a large fleet."""

import time
from collections import Counter

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.telemetry.prometheus import Metrics
from octostar_runtime.telemetry.run_totals import NAMES, RunTotals


def _run(number: int, name: str = "report", state: RunState = RunState.SUCCESS) -> RunRecord:
    return RunRecord(
        run_id=f"run-{number}", task_id="t", name=name, pool="default", node_id="n", state=state, seq=1,
        queued_at=0.0, started_at=0.0, ended_at=1.0, wait_s=0.02, run_s=0.2,
    )  # fmt: skip


def _snapshot(*runs: RunRecord) -> FleetSnapshot:
    return FleetSnapshot(taken_at=0.0, node_id="n", runs=runs, counts={RunState.SUCCESS: len(runs)})


def test_each_run_is_counted_once_and_those_before_the_start_not_at_all() -> None:
    totals = RunTotals()
    totals.follow(_snapshot(_run(1)))
    totals.follow(_snapshot(_run(2), _run(1)))
    totals.follow(_snapshot(_run(3, state=RunState.ERROR), _run(2), _run(1)))
    ended, waits, _ = totals.read()
    assert ended == {("default", "report", "success"): 1, ("default", "report", "error"): 1}
    assert sum(waits["default"].counts) == 2


def test_names_are_bounded() -> None:
    totals = RunTotals()
    totals.observe(_run(number, name=f"task-{number}") for number in range(NAMES + 50))
    ended, _, _ = totals.read()
    assert len({name for _, name, _ in ended}) == NAMES + 1
    assert ended["default", "other", "success"] == 50


def test_the_text_is_valid_and_has_the_totals_of_services() -> None:
    totals = RunTotals()
    totals.observe([_run(1)])
    services = (("wakes", "Wakes of a service", Counter({"ui": 3})),)
    text = Metrics(lambda: _snapshot(_run(1)), totals, lambda: services).render().decode()
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }
    assert samples["octostar_service_wakes_total", "ui"] == 3
    assert samples["octostar_runs_retained", "success"] == 1
    assert samples["octostar_run_duration_seconds_count", "default"] == 1


def test_a_scrape_of_a_large_fleet_is_quick() -> None:
    runs = tuple(_run(number) for number in range(100_000))
    snapshot = _snapshot(*runs)
    metrics = Metrics(lambda: snapshot, RunTotals())
    metrics.render()
    started = time.process_time()
    metrics.render()
    assert time.process_time() - started < 0.05
