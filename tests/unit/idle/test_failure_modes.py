"""What idle shutdown must survive, by the numbers of docs/idle-shutdown.md.

The modes that need real processes (6, 10, 17, 22) are in tests/real; 12 and 16 are both here and there.
"""

import threading

import pytest

from octostar_runtime.errors import InvalidInput
from octostar_runtime.idle.blockers import NAMED
from octostar_runtime.models.services import ServiceState
from octostar_runtime.testing import wait_until
from tests.unit.idle.bench import Bench, FakeService

S = ServiceState


def test_01_a_job_keeps_it_up_until_it_ends_and_a_full_idle_time_more() -> None:
    bench = Bench()
    bench.run_task()
    bench.run(60)
    assert bench.state() is S.READY
    assert [b.kind for b in bench.record().blockers] == ["run"]
    bench.end_task()
    bench.run(5)
    assert bench.services[0].processes == 1, "stopped before the idle time had passed"
    bench.run(4)
    assert bench.state() is S.STOPPED


def test_02_pollers_never_move_the_deadline() -> None:
    bench = Bench(policy={"services": {"svc": {"idle_after": 60}}})
    bench.connect("console", observer=True)
    bench.run(2)
    deadline = bench.record().stops_at
    for _ in range(10):
        for path in ("/api/health", "/api/metrics", "/api/sessions", "/_stcore/health", "/api/runs"):
            assert not bench.controller.note_api_activity(path, {})
        assert not bench.controller.note_api_activity("/api/functions/x", {"X-No-Track-Activity": "1"}, "POST")
        bench.run(2)
        assert bench.record().stops_at == deadline


def test_02_a_real_request_moves_it_and_one_in_flight_always_counts() -> None:
    bench = Bench(policy={"api_activity_window": 3})
    bench.controller.note_api_activity("/api/functions/x", {}, "POST")
    bench.run(2)
    assert [b.kind for b in bench.record().blockers] == ["api"]
    with bench.controller.activity.request("/api/functions/x", {}, "POST"):
        bench.run(60)
        assert [b.kind for b in bench.record().blockers] == ["api_in_flight"]
    bench.run(14)
    assert bench.state() is S.STOPPED


def test_03_an_open_console_keeps_nothing_up_but_a_keep_awake_does() -> None:
    bench = Bench()
    bench.connect("console", observer=True)
    bench.run(12)
    assert bench.state() is S.STOPPED
    bench.controller.start_now("svc", "ada")
    bench.controller.hold("ada", "demo at noon", 60)
    bench.run(40)
    assert bench.state() is S.READY
    assert bench.record().blockers[0].label == "ada: demo at noon"
    bench.run(40)
    assert bench.state() is S.STOPPED


def test_04_a_forgotten_tab_is_warned_and_let_go_and_a_click_brings_it_back() -> None:
    bench = Bench(policy={"open_tab_limit": 20, "warn_before": 5, "services": {"svc": {"idle_after": 10}}})
    bench.connect("tab", last_interaction_at=bench.clock.time())
    bench.run(15)
    assert bench.state() is S.READY
    bench.run(12)
    assert bench.state() is S.WARNED
    assert len(bench.warnings) == 1
    bench.connect("tab", last_interaction_at=bench.clock.time())
    bench.run(1)
    assert bench.state() is S.READY
    bench.run(45)
    assert bench.state() is S.STOPPED


def test_05_a_session_whose_browser_is_throttled_blocks_all_the_same() -> None:
    bench = Bench()
    bench.connect()
    for _ in range(10):
        bench.run(60)
        assert bench.state() is S.READY


def test_07_drops_and_reconnects_never_stop_or_start_anything() -> None:
    bench = Bench(policy={"services": {"svc": {"idle_after": 30}}})
    for _ in range(10):
        bench.connect()
        bench.run(3)
        bench.disconnect()
        bench.run(10)
    assert bench.services[0].calls == []


def test_08_a_wake_between_the_check_and_the_commit_wins() -> None:
    bench = Bench()
    service = bench.services[0]

    def wake_while_draining() -> None:
        if bench.state() is S.DRAINING:
            bench.controller.wake("svc", None, "somebody came")

    service.during_probe = wake_while_draining
    bench.run(14)
    assert service.processes == 1
    assert "stop" not in service.calls
    assert "undrain" in service.calls


def test_08_a_wake_while_it_stops_waits_for_the_end_and_then_starts_one() -> None:
    bench = Bench()
    service = bench.services[0]
    wakes = []
    service.during_stop = lambda: wakes.append(bench.controller.wake("svc", None, "late"))
    while not wakes:
        bench.run(1)
    bench.run(2)
    assert wakes[0].wait(0)
    assert service.calls == ["drain", "stop", "start"]
    assert service.most_processes == 1


def test_09_a_wake_long_after_the_stop_gets_its_minimum_uptime() -> None:
    bench = Bench(policy={"min_uptime": 120})
    bench.run(140)
    assert bench.state() is S.STOPPED
    bench.clock.advance(3600)
    bench.controller.wake("svc", None, "api")
    bench.run(3)
    assert bench.state() in {S.READY, S.IDLE}
    bench.run(100)
    assert bench.services[0].processes == 1
    bench.run(40)
    assert bench.state() is S.STOPPED


def test_10_forty_wakes_at_once_are_one_start() -> None:
    bench = Bench()
    bench.run(12)
    wakes = []
    threads = [threading.Thread(target=lambda: wakes.append(bench.controller.wake("svc"))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.run(3)
    assert len(wakes) == 40
    assert all(wake.wait(0) for wake in wakes)
    assert bench.services[0].calls.count("start") == 1


@pytest.mark.parametrize("step", [86_400.0, -86_400.0])
def test_11_a_stepped_wall_clock_changes_nothing(step: float) -> None:
    bench = Bench(policy={"services": {"svc": {"idle_after": 30}}, "open_tab_limit": 3600})
    bench.connect("tab", last_interaction_at=bench.clock.time())
    bench.run(5)
    bench.clock.step_wall(step)
    bench.run(20)
    assert bench.state() is S.READY, "the tab counted as untouched for a day"
    bench.disconnect("tab")
    bench.run(10)
    bench.clock.step_wall(step)
    bench.run(10)
    assert bench.services[0].processes == 1
    bench.run(20)
    assert bench.state() is S.STOPPED


def test_11_after_a_gap_nothing_stops_before_a_fresh_round_of_heartbeats() -> None:
    bench = Bench(policy={"services": {"svc": {"idle_after": 60}}, "heartbeat_interval": 2})
    bench.run(50)
    assert bench.state() is S.IDLE
    bench.clock.advance(600)
    bench.tick()
    assert bench.services[0].processes == 1
    assert [b.kind for b in bench.record().blockers] == ["resume"]
    bench.run(3)
    assert bench.services[0].processes == 1
    assert "idle.gap" in bench.kinds()
    bench.run(80)
    assert bench.state() is S.STOPPED


def test_12_what_does_not_die_counts_as_stopping_and_is_not_started_a_second_time() -> None:
    bench = Bench()
    service = bench.services[0]
    service.fail_stops = 2
    bench.run(9)
    assert bench.state() is S.STOPPING
    assert "pid 7 is still there" in (bench.record().error or "")
    wake = bench.controller.wake("svc")
    bench.run(8)
    assert wake.wait(0)
    assert service.most_processes == 1
    assert service.calls.count("stop") == 3


def test_13_two_failing_starts_are_tried_again() -> None:
    bench = Bench()
    bench.run(12)
    bench.services[0].fail_starts = 2
    wake = bench.controller.wake("svc")
    bench.run(8)
    assert wake.wait(0)
    assert bench.state() in {S.READY, S.IDLE}


def test_13_one_that_never_starts_shows_why_and_the_next_wake_tries_again() -> None:
    bench = Bench()
    service = bench.services[0]
    bench.run(12)
    service.fail_starts = 100
    wake = bench.controller.wake("svc")
    bench.run(60)
    assert wake.done
    assert not wake.wait(0)
    assert "no memory left" in (wake.error or "")
    assert bench.state() is S.FAILED
    assert "no memory left" in (bench.record().error or "")
    assert service.calls.count("start") == 4, "one start and three retries"
    service.fail_starts = 0
    again = bench.controller.wake("svc")
    bench.run(3)
    assert again.wait(0)


def test_14_one_of_two_leaving_starts_no_countdown() -> None:
    bench = Bench()
    bench.connect("a")
    bench.connect("b")
    bench.run(3)
    bench.disconnect("a")
    bench.run(60)
    assert bench.state() is S.READY
    assert bench.record().stops_at is None


def test_15_a_probe_that_raises_makes_it_unknown_and_it_is_not_stopped() -> None:
    bench = Bench(services=[FakeService(), FakeService("other")])
    bench.services[0].probe_error = RuntimeError("no answer")
    bench.run(700)
    assert bench.state() is S.UNKNOWN
    assert bench.services[0].processes == 1
    assert bench.kinds().count("service.probe_alert") == 1
    assert bench.state("other") is S.STOPPED
    bench.services[0].probe_error = None
    bench.run(2)
    assert bench.state() in {S.READY, S.IDLE}
    bench.run(10)
    assert bench.state() is S.STOPPED


def test_15_a_probe_that_hangs_holds_up_nobody_else() -> None:
    bench = Bench(services=[FakeService(), FakeService("other")], policy={"check_interval": 0.1})
    let_go = threading.Event()
    hung = threading.Event()

    def hang() -> None:
        hung.set()
        let_go.wait(30)

    bench.services[0].during_probe = hang
    controller = bench.controller
    controller.start()
    try:
        wait_until(hung.is_set, what="the probe")
        before = controller.figures.ticks
        wait_until(lambda: controller.figures.ticks > before + 3, what="further ticks")
        age_s = controller.last_tick_age_s()
        assert age_s is not None
        assert age_s < 1
        for _ in range(80):
            bench.clock.advance(0.25)
            controller.tick()
        assert bench.state() is S.UNKNOWN
        wait_until(lambda: bench.state("other") is not S.UNKNOWN, what="an answer of the other one")
    finally:
        let_go.set()
        controller.stop()


def test_16_a_new_controller_adopts_what_runs_with_a_full_idle_time() -> None:
    bench = Bench(policy={"services": {"svc": {"idle_after": 20}}})
    bench.run(15)
    bench.leases.rows.clear()  # it was killed; its lease ran out
    bench.controller = bench.boot("node-2")
    bench.run(15)
    assert bench.services[0].processes == 1
    assert bench.services[0].calls == []
    bench.run(12)
    assert bench.state() is S.STOPPED


def test_16_two_controllers_never_act_both() -> None:
    bench = Bench()
    other = bench.boot("node-2")
    for _ in range(20):
        bench.clock.advance(1)
        bench.tick()
        other.tick()
    assert bench.services[0].calls == ["drain", "stop"]
    assert bench.controller.leads
    assert not other.leads
    assert other.leader() == "node-1"


def test_18_a_busy_worker_blocks_its_tier_and_all_below() -> None:
    scheduler = FakeService("dask", kind="dask")
    workers = FakeService("workers", kind="dask", depends_on=("dask",))
    bench = Bench(
        services=[scheduler, workers], policy={"services": {"dask": {"idle_after": 5}, "workers": {"idle_after": 5}}}
    )
    workers.busy = 1
    bench.run(30)
    assert (scheduler.calls, workers.calls) == ([], [])
    assert [b.kind for b in bench.record("workers").blockers] == ["busy"]
    assert [b.kind for b in bench.record("dask").blockers] == ["dependant"]
    workers.busy = 0
    bench.run(9)
    assert (workers.processes, scheduler.processes) == (0, 1), "top down"
    bench.run(9)
    assert scheduler.processes == 0
    wake = bench.controller.wake("workers")
    bench.run(1)
    assert workers.processes == 0, "bottom up"
    bench.run(4)
    assert wake.wait(0)
    assert (workers.processes, scheduler.processes) == (1, 1)


@pytest.mark.parametrize(("action", "stops"), [("warn", False), ("release", True)])
def test_19_hung_work_raises_an_alert_and_is_let_go_only_when_asked_to(action: str, stops: bool) -> None:
    bench = Bench(policy={"busy_stuck_after": 60, "busy_stuck_action": action})
    bench.run_task("hung")
    bench.run(50)
    bench.run_task("hung", seq=2)  # progress
    bench.run(50)
    assert "run.silent" not in bench.kinds()
    bench.run(40)
    assert bench.kinds().count("run.silent") == 1
    assert (bench.services[0].processes == 0) is stops


def test_20_a_keep_awake_outlives_the_tab_and_a_restart_and_ends_at_its_maximum() -> None:
    bench = Bench(policy={"lease_max": 100})
    bench.connect()
    bench.controller.hold("ada", "long job elsewhere", 1_000_000)
    bench.disconnect()
    bench.run(30)
    bench.leases.rows.pop("idle-controller")
    bench.controller = bench.boot("node-2")
    bench.run(60)
    assert bench.state() is S.READY
    bench.run(30)
    assert bench.state() is S.STOPPED
    assert bench.controller.holds() == ()


def test_20_a_keep_awake_needs_an_owner_a_reason_and_a_length() -> None:
    bench = Bench()
    for owner, reason, ttl_s in [("", "r", 1), ("o", " ", 1), ("o", "r", 0), ("o", "r", float("nan"))]:
        with pytest.raises(InvalidInput):
            bench.controller.hold(owner, reason, ttl_s)


def test_21_wakes_soon_after_each_stop_make_it_wait_longer_and_that_is_recorded() -> None:
    bench = Bench(policy={"flap_limit": 2})
    for _ in range(4):
        bench.run(12)
        while bench.state() is not S.STOPPED:
            bench.run(1)
        bench.controller.wake("svc", None, "back again")
        bench.run(2)
    factors = [event.data["factor"] for event in bench.events if event.kind == "service.flapping"]
    assert factors == [2, 4]
    bench.run(15)
    assert bench.services[0].processes == 1
    bench.run(10)
    assert bench.state() is S.STOPPED


def test_thousands_of_blockers_are_counted_and_the_first_are_named() -> None:
    bench = Bench()
    for i in range(1000):
        bench.connect(f"s{i}")
    bench.tick()
    blockers = bench.record().blockers
    assert len(blockers) == NAMED + 1
    assert blockers[-1].label == f"and {1000 - NAMED:,} more"
