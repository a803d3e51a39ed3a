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
