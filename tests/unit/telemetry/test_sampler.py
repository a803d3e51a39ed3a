"""The sampler keeps 15 minutes of readings and can be read while it works."""

from pathlib import Path

import pytest

from octostar_runtime.settings import Settings
from octostar_runtime.telemetry import Sampler
from octostar_runtime.testing import ManualClock, wait_until


@pytest.fixture
def empty_root(tmp_path: Path) -> Path:
    return tmp_path


def test_without_limits_the_sample_is_of_the_machine(empty_root: Path) -> None:
    clock = ManualClock()
    counts = {"people": 3, "running": 2, "queued": 1, "busy_share": 0.5}
    sampler = Sampler(clock=clock, settings=Settings(), counts=lambda: counts, root=empty_root)
    sample = sampler.sample()
    assert sample.scope == "machine"
    assert 0 < sample.memory_used <= sample.memory_limit
    assert sample.process_memory > 0
    assert (sample.people, sample.running, sample.queued, sample.busy_share) == (3, 2, 1, 0.5)


def test_fifteen_minutes_are_kept(empty_root: Path) -> None:
    clock = ManualClock()
    sampler = Sampler(clock=clock, settings=Settings(), root=empty_root)
    for _ in range(460):
        sampler.sample()
        clock.advance(2)
    history = sampler.history()
    assert len(history) == 450
    assert history[-1].at - history[0].at == 449 * 2
    assert sampler.latest is history[-1]


def test_a_busy_process_shows(empty_root: Path) -> None:
    clock = ManualClock()
    sampler = Sampler(clock=clock, settings=Settings(), root=empty_root)
    sampler.sample()
    sum(number * number for number in range(2_000_000))
    clock.advance(0.5)
    assert sampler.sample().process_cpu_percent > 0


def test_it_samples_by_itself_and_stops(empty_root: Path) -> None:
    sampler = Sampler(clock=ManualClock(), settings=Settings(), root=empty_root)
    sampler.start()
    try:
        wait_until(lambda: sampler.latest, what="a first sample")
    finally:
        assert sampler.stop()
