"""The background loop: it waits, turns, survives, stops."""

import logging
import threading

import pytest

from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.testing import wait_until


def test_a_job_that_raises_is_counted_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def job() -> None:
        raise RuntimeError("broken")

    loop = PeriodicThread("failing", job, interval_s=0.01)
    with caplog.at_level(logging.CRITICAL, logger="octostar_runtime.periodic"):
        loop.start()
        wait_until(lambda: loop.failures >= 3, what="three failures")
    assert loop.running
    assert loop.last_error == "RuntimeError: broken"
    assert loop.stop()


def test_without_an_interval_it_turns_only_when_poked() -> None:
    turned = threading.Event()
    loop = PeriodicThread("poked", turned.set, interval_s=None)
    loop.start()
    assert not turned.wait(0.05)
    loop.poke()
    assert turned.wait(2)
    assert loop.stop()


def test_pokes_during_a_turn_lead_to_exactly_one_more() -> None:
    entered, release = threading.Event(), threading.Event()

    def job() -> None:
        entered.set()
        release.wait(5)

    loop = PeriodicThread("busy", job, interval_s=None)
    loop.start()
    loop.poke()
    assert entered.wait(2)
    for _ in range(5):
        loop.poke()
    release.set()
    wait_until(lambda: loop.turns == 2, what="the second turn")
    assert loop.stop()
    assert loop.turns == 2


def test_it_can_be_started_again_after_a_stop() -> None:
    turned = threading.Event()
    loop = PeriodicThread("again", turned.set, interval_s=0.01)
    loop.start()
    assert turned.wait(2)
    assert loop.stop()
    assert not loop.running
    turned.clear()
    loop.start()
    assert turned.wait(2)
    assert loop.stop()


def test_starting_twice_makes_one_thread() -> None:
    loop = PeriodicThread("single", lambda: None, interval_s=60)
    loop.start()
    loop.start()
    assert sum(1 for thread in threading.enumerate() if thread.name == "single") == 1
    assert loop.stop()


def test_a_stop_from_inside_its_own_job_does_not_deadlock() -> None:
    loop: PeriodicThread
    loop = PeriodicThread("selfstop", lambda: loop.stop(), interval_s=0.01)
    loop.start()
    wait_until(lambda: not loop.running, what="the loop to end itself")


@pytest.mark.parametrize("interval", [0, -1.0])
def test_an_interval_must_be_positive(interval: float) -> None:
    with pytest.raises(ValueError, match="must be positive seconds or None"):
        PeriodicThread("bad", lambda: None, interval_s=interval)
