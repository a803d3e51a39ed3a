"""Every transition, and every stop that was refused, can be read afterwards: who, why, against what, how long."""

import pytest

from octostar_runtime.errors import ServiceBusy
from octostar_runtime.models.events import Event
from octostar_runtime.models.services import ServiceState
from tests.unit.idle.bench import Bench


def of_service(bench: Bench) -> list[Event]:
    return [event for event in bench.events if event.kind.startswith("service.")]


def test_a_whole_life_is_told_step_by_step_with_the_time_each_step_took() -> None:
    bench = Bench(policy={"warn_before": 3, "services": {"svc": {"idle_after": 10}}})
    bench.run(20)
    bench.controller.start_now("svc", "ada", "demo")
    bench.run(2)
    told = [(event.kind.removeprefix("service."), event.data.get("was")) for event in of_service(bench)]
    assert told[:9] == [
        ("adopted", "unknown"),
        ("idle", "ready"),
        ("warned", "idle"),
        ("draining", "warned"),
        ("stopping", "draining"),
        ("stopped", "stopping"),
        ("woken", None),
        ("starting", "stopped"),
        ("ready", "starting"),
    ]
    by_kind = {event.kind: event for event in of_service(bench)}
    assert by_kind["service.warned"].data["duration_s"] == pytest.approx(7, abs=1)
    assert by_kind["service.woken"].actor == "ada"
    assert by_kind["service.woken"].reason == "demo"
    assert by_kind["service.stopping"].reason == "nobody is connected and nothing runs"
    figures = bench.controller.figures
    for times, kind in ((figures.start_times, "service.ready"), (figures.stop_times, "service.stopped")):
        assert sum(times["svc"].counts) == 1
        assert times["svc"].total_s == pytest.approx(by_kind[kind].data["duration_s"], abs=0.001)


def test_a_refused_order_names_who_asked_why_and_what_spoke_against_it() -> None:
    bench = Bench()
    bench.connect("s1", user="bob")
    bench.tick()
    with pytest.raises(ServiceBusy, match="bob"):
        bench.controller.stop_now("svc", "ada", "saving money")
    event = of_service(bench)[-1]
    assert (event.kind, event.actor, event.reason) == ("service.stop_refused", "ada", "saving money")
    assert event.data["against"] == ["session bob"]
    assert event.data["blockers"] == ["session s1 bob"]


def test_a_forced_order_tells_what_it_went_over() -> None:
    bench = Bench()
    bench.connect("s1", user="bob")
    bench.tick()
    bench.controller.stop_now("svc", "ada", "it burns", force=True)
    bench.run(3)
    assert bench.state() is ServiceState.STOPPED
    (forced,) = [event for event in of_service(bench) if event.kind == "service.stop_forced"]
    assert (forced.actor, forced.reason, forced.data["against"]) == ("ada", "it burns", ["session bob"])
    (stopped,) = [event for event in of_service(bench) if event.kind == "service.stopped"]
    assert (stopped.actor, stopped.reason) == ("ada", "it burns")


def test_a_stop_that_somebody_prevented_at_the_last_moment_names_them() -> None:
    bench = Bench()
    service = bench.services[0]

    def come_while_draining() -> None:
        if bench.state() is ServiceState.DRAINING:
            bench.connect("s1", user="bob")

    service.during_probe = come_while_draining
    bench.run(10)
    refused = next(event for event in of_service(bench) if event.kind == "service.stop_refused")
    assert refused.data["was"] == "draining"
    assert refused.data["blockers"] == ["session s1 bob"]


def test_practice_mode_records_what_it_would_have_done_and_does_nothing() -> None:
    bench = Bench(policy={"mode": "dry_run", "warn_before": 3})
    bench.run(60)
    assert bench.services[0].calls == []
    assert bench.warnings == []
    (would,) = [event for event in of_service(bench) if event.kind == "service.would_stop"]
    assert would.reason == "nobody is connected and nothing runs"
