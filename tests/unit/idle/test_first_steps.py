"""The plain course of things: quiet, stopped, woken."""

from octostar_runtime.models.services import ServiceState
from tests.unit.idle.bench import Bench


def test_a_quiet_service_is_stopped_after_its_idle_time() -> None:
    bench = Bench()
    bench.run(4)
    assert bench.state() is ServiceState.IDLE
    bench.run(6)
    assert bench.state() is ServiceState.STOPPED
    assert bench.services[0].processes == 0


def test_a_wake_starts_what_was_stopped() -> None:
    bench = Bench()
    bench.run(12)
    wake = bench.controller.wake("svc", "ada", "test")
    assert not wake.done
    bench.run(3)
    assert wake.wait(0) is True
    assert bench.services[0].processes == 1


def test_a_changed_policy_begins_every_countdown_anew_and_one_that_says_the_same_does_not() -> None:
    bench = Bench(policy={"services": {"svc": {"idle_after": 60}}})
    bench.run(30)
    planned = bench.record().stops_at
    document = bench.controller.policy()[0].document()
    assert bench.save(document) == 2
    bench.run(1)
    assert bench.record().stops_at == planned
    bench.save({**document, "lease_max": 100})
    bench.run(1)
    assert planned is not None
    assert (bench.record().stops_at or 0) > planned + 25
