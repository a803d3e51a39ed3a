"""People are told of a stop before it comes, and whoever is told may put it off."""

import pytest

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.services import ServiceState
from tests.unit.idle.bench import Bench, FakeService

SOON = {"warn_before": 10, "services": {"svc": {"idle_after": 20}}, "keep_awake_for": 60}


def warned(**policy: object) -> Bench:
    bench = Bench(policy={**SOON, **policy})
    bench.run(15)
    assert bench.state() is ServiceState.WARNED
    return bench


def test_people_are_told_once_what_stops_when_and_why() -> None:
    bench = warned()
    (stop,) = bench.warnings
    assert (stop.service, stop.may_keep_s) == ("svc", 60)
    assert stop.stops_at == pytest.approx(bench.record().stops_at)
    assert "nobody is connected" in stop.text


def test_a_user_puts_it_off_for_a_while_and_the_warning_goes_away() -> None:
    bench = warned()
    hold = bench.controller.keep_awake("ada", "session-1")
    bench.tick()
    assert bench.state() is ServiceState.READY
    assert [b.label for b in bench.record().blockers] == ["ada: a user pressed keep awake"]
    assert [stop.service for stop in bench.called_off] == ["svc"]
    assert hold.expires_at == pytest.approx(bench.clock.time() + 60)
    bench.run(50)
    assert bench.state() is ServiceState.READY
    bench.run(40)
    assert bench.state() is ServiceState.STOPPED


def test_pressed_again_it_is_the_same_hold_and_lasts_longer() -> None:
    bench = warned()
    first = bench.controller.keep_awake("ada", "session-1")
    bench.clock.advance(5)
    again = bench.controller.keep_awake("ada", "session-1")
    assert again.hold_id == first.hold_id
    assert again.expires_at > first.expires_at
    assert len(bench.controller.holds()) == 1


def test_nobody_keeps_awake_what_does_not_stop() -> None:
    bench = Bench(policy=SOON)
    with pytest.raises(InvalidInput, match="nothing is about to be stopped"):
        bench.controller.keep_awake("ada", "session-1")


def test_the_policy_may_leave_it_to_operators() -> None:
    bench = warned(keep_awake_for="off")
    assert bench.warnings[0].may_keep_s is None
    with pytest.raises(InvalidInput, match="only operators"):
        bench.controller.keep_awake("ada", "session-1")


def test_a_users_hold_lasts_no_longer_than_any_other() -> None:
    bench = warned(keep_awake_for="2 d", lease_max=100)
    assert bench.controller.keep_awake("ada", "s").expires_at == pytest.approx(bench.clock.time() + 100)


@pytest.mark.parametrize("kind", ["pool", "cache"])
def test_what_comes_back_by_itself_at_once_is_stopped_without_a_word_to_people(kind: str) -> None:
    bench = Bench(services=[FakeService(kind=kind)], policy=SOON)
    bench.run(30)
    assert bench.state() is ServiceState.STOPPED
    assert bench.warnings == []


def test_a_service_that_is_no_longer_registered_is_no_longer_announced() -> None:
    bench = warned()
    bench.registry.remove("svc")
    assert [stop.service for stop in bench.called_off] == ["svc"]


def test_the_warning_stays_until_the_stop_has_happened() -> None:
    bench = warned()
    bench.run(5)
    assert bench.called_off == []
    bench.run(10)
    assert bench.state() is ServiceState.STOPPED
    assert [stop.service for stop in bench.called_off] == ["svc"]


def test_another_controller_in_charge_takes_the_countdown_away() -> None:
    bench = warned()
    bench.leases.rows["idle-controller"] = ("node-2", bench.clock.monotonic() + 60, "", 0.0)
    bench.run(1)
    assert bench.state() is ServiceState.READY
    assert len(bench.called_off) == 1
