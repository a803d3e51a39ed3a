"""Metrics: valid, bounded, counted once, and quick on a large fleet."""

import json
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from octostar_runtime.models.durations import Durations
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import CallbackRecord, EndReason, SessionRecord, SessionState
from octostar_runtime.telemetry.prometheus import Metrics
from octostar_runtime.telemetry.run_totals import NAMES, RunTotals
from octostar_runtime.telemetry.session_totals import SessionTotals
from tests.support import fleet_samples as samples


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
    told = totals.read()
    assert told.ended == {("default", "report", "success"): 1, ("default", "report", "error"): 1}
    assert sum(told.waits["default"].counts) == 2


def test_live_runs_are_told_by_pool_name_and_state() -> None:
    totals = RunTotals()
    totals.follow(_snapshot(_run(1), replace(_run(2, state=RunState.RUNNING), ended_at=None)))
    assert totals.read().live == {("default", "report", "running"): 1}


def test_names_are_bounded() -> None:
    totals = RunTotals()
    totals.observe(_run(number, name=f"task-{number}") for number in range(NAMES + 50))
    ended = totals.read().ended
    assert len({name for _, name, _ in ended}) == NAMES + 1
    assert ended["default", "other", "success"] == 50


def test_the_text_is_valid_and_has_the_totals_of_services() -> None:
    totals = RunTotals()
    totals.observe([_run(1)])
    services = (("wakes", "Wakes of a service", Counter({"ui": 3})),)
    text = Metrics(lambda: _snapshot(_run(1)), totals, SessionTotals(), lambda: services).render().decode()
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
    metrics = Metrics(lambda: snapshot, RunTotals(), SessionTotals())
    metrics.render()
    started = time.process_time()
    metrics.render()
    assert time.process_time() - started < 0.05


def _session(**changes: Any) -> SessionRecord:
    state = changes.pop("state", SessionState.CONNECTED)
    return SessionRecord(session_id="s", node_id="n", state=state, connected_at=0.0, last_seen_at=0.0, **changes)


def _seen(totals: SessionTotals, *sessions: SessionRecord, callbacks: tuple[CallbackRecord, ...] = ()) -> None:
    totals.follow(FleetSnapshot(taken_at=0.0, node_id="n", sessions=sessions, callbacks=callbacks))


def test_what_a_session_did_stays_counted_when_it_is_gone() -> None:
    totals = SessionTotals()
    _seen(totals)
    _seen(totals, _session(bytes_in=10, bytes_out=100, last_run_at=1.0, last_run_s=0.2))
    _seen(totals, _session(bytes_in=15, bytes_out=150, last_run_at=2.0, last_run_s=0.3, reconnects=1))
    for _ in range(2):
        _seen(totals, _session(state=SessionState.ENDED, end_reason=EndReason.KICKED, bytes_in=15, bytes_out=150))
    _seen(totals)
    told = totals.read()
    assert (told.started, told.ended, told.reconnects) == (1, {"kicked": 1}, 1)
    assert (told.bytes_in, told.bytes_out) == (15, 150)
    assert (sum(told.script_runs.counts), round(told.script_runs.total_s, 3)) == (2, 0.5)


def test_callback_counters_never_go_back() -> None:
    totals = SessionTotals()
    mine = CallbackRecord(name="f", event="start", session_id="s", calls=3, failures=1)
    _seen(totals, callbacks=(mine, replace(mine, session_id=None, calls=5)))
    _seen(totals, callbacks=(replace(mine, session_id=None, calls=6, failures=2),))
    assert totals.read().callback_calls == {"start": 9}
    assert totals.read().callback_failures == {"start": 3}
    _seen(totals, callbacks=(replace(mine, session_id=None, calls=6, failures=2, dropped=4),))
    assert totals.read().callback_dropped == {"start": 4}


def test_every_query_of_the_dashboard_names_a_metric_and_labels_that_there_are() -> None:
    runs, sessions = RunTotals(), SessionTotals()
    runs.follow(_snapshot())
    runs.follow(_snapshot(_run(1), replace(_run(2, state=RunState.RUNNING), ended_at=None)))
    _seen(sessions)
    callback = CallbackRecord(name="f", event="start", session_id="s", calls=1, failures=1)
    _seen(sessions, _session(state=SessionState.ENDED, end_reason=EndReason.CLOSED), callbacks=(callback,))
    services = tuple((name, "text", Counter({"ui": 1})) for name in ("starts", "stops", "failures", "wakes"))
    times = [("start_duration_seconds", "text", {"ui": Durations()})]
    metrics = Metrics(samples.sample_snapshot, runs, sessions, lambda: services, lambda: times)
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):  # type: ignore[no-untyped-call]
        labels.setdefault(family.name, set())
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    dashboard = json.loads((Path(__file__).parents[3] / "docs" / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 10
    for query in queries:
        named = re.findall(r"octostar_\w+", query)
        assert named, query
        for name in named:
            base = re.sub(r"_(total|bucket|sum|count)$", "", name)
            assert name in labels or base in labels, f"{query} asks for {name}, which nobody exports"
            known = labels.get(name) or labels[base]
            asked = re.findall(r"(\w+)\s*[=!]~?\"", query)
            for group in re.findall(r"by\s*\(([^)]*)\)", query):
                asked += [label.strip() for label in group.split(",")]
            assert set(asked) <= known | {"le"}, f"{query} asks for labels that {name} does not have: {known}"
