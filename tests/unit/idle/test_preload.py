"""Somebody comes: what was stopped is started before they ask for it."""

from dataclasses import replace

import pytest

from octostar_runtime.models.services import ServiceState
from octostar_runtime.models.sessions import SessionState
from tests.unit.idle.bench import Bench, FakeService

ALL_STOPPED = {"services": {"svc": {"idle_after": 5}, "db": {"idle_after": 5}}}


def stopped(**policy: object) -> Bench:
    """Return a bench whose two services, of which one needs the other, were stopped for lack of people."""
    services = [FakeService("db"), FakeService(depends_on=("db",))]
    bench = Bench(policy={**ALL_STOPPED, **policy}, services=services)
    bench.run(60)
    assert {bench.state("svc"), bench.state("db")} == {ServiceState.STOPPED}
    return bench


def starts(bench: Bench) -> dict[str, int]:
    return {service.info.name: service.calls.count("start") for service in bench.services}


def test_a_sessions_start_preloads_what_was_stopped_with_what_it_needs() -> None:
    bench = stopped()
    bench.connect("s1")
    bench.run(5)
    assert {bench.state("svc"), bench.state("db")} == {ServiceState.READY}
    assert starts(bench) == {"svc": 1, "db": 1}
    woken = [event for event in bench.events if event.kind == "service.woken"]
    assert {(event.subject, event.reason) for event in woken} == {("svc", "somebody came"), ("db", "somebody came")}


def test_whoever_only_looks_at_the_console_preloads_nothing_until_they_turn_to_the_app() -> None:
    bench = stopped()
    bench.connect("s1", observer=True)
    bench.run(5)
    assert starts(bench) == {"svc": 0, "db": 0}
    bench.sessions["s1"] = replace(bench.sessions["s1"], observer=False)
    bench.run(5)
    assert starts(bench) == {"svc": 1, "db": 1}


def test_a_connection_that_breaks_and_comes_back_preloads_nothing() -> None:
    bench = Bench(policy={"connected_blocks": False, **ALL_STOPPED}, services=[FakeService(), FakeService("db")])
    bench.connect("s1")
    bench.run(30)
    assert {bench.state("svc"), bench.state("db")} == {ServiceState.STOPPED}
    for state in (SessionState.DISCONNECTED, SessionState.CONNECTED) * 3:
        bench.sessions["s1"] = replace(bench.sessions["s1"], state=state)
        bench.run(2)
    assert starts(bench) == {"svc": 0, "db": 0}


def test_a_click_into_a_forgotten_tab_preloads() -> None:
    bench = stopped()
    bench.connect("s1")
    bench.sessions["s1"] = replace(bench.sessions["s1"], state=SessionState.DORMANT)
    bench.run(5)
    assert starts(bench) == {"svc": 0, "db": 0}
    bench.sessions["s1"] = replace(bench.sessions["s1"], state=SessionState.CONNECTED)
    bench.run(5)
    assert starts(bench) == {"svc": 1, "db": 1}


@pytest.mark.parametrize("off", [{"preload_on_session": False}, {"mode": "off"}])
def test_a_policy_without_preload_leaves_it_stopped(off: dict[str, object]) -> None:
    bench = stopped()
    bench.save({**ALL_STOPPED, "min_uptime": 0, "warn_before": 0, "check_interval": 1, **off})
    bench.connect("s1")
    bench.run(5)
    assert starts(bench) == {"svc": 0, "db": 0}


def test_one_service_may_be_left_out() -> None:
    bench = stopped()
    left_out = {"svc": {"idle_after": 5, "preload_on_session": False}, "db": {"idle_after": 5}}
    bench.save({"min_uptime": 0, "warn_before": 0, "check_interval": 1, "services": left_out})
    bench.connect("s1")
    bench.run(5)
    assert starts(bench) == {"svc": 0, "db": 1}
