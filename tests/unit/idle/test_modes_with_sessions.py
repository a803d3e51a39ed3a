"""Failure modes 4, 5 and 7 with the real session registry in place of made-up sessions."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from octostar_runtime.idle.observation import Observation
from octostar_runtime.models.services import ServiceState
from octostar_runtime.models.sessions import SessionState
from tests.unit.idle.bench import Bench
from tests.unit.sessions.parts import Scene, scene

TAB = "11111111-2222-4333-8444-555555555555"


@dataclass
class Watched(Bench):
    """A controller that sees the sessions of a real registry."""

    scene: Scene | None = None

    def observe(self) -> Observation:
        assert self.scene is not None
        return Observation(sessions=self.scene.registry.sessions(ended=False))

    def pass_time(self, seconds: float) -> None:
        """Both go on together; the registry moves the clock they share."""
        assert self.scene is not None
        for _ in range(round(seconds)):
            self.scene.pass_time(1)
            self.tick()


@pytest.fixture
def at() -> Iterator[Scene]:
    with scene(session_end_after_s=20, open_tab_limit_s=0) as made:
        yield made


def watched(at: Scene, **policy: object) -> Watched:
    bench = Watched(clock=at.clock, policy=policy, scene=at)
    bench.controller.on_policy(
        lambda p: at.registry.use_limits(heartbeat_s=2, end_after_s=None, open_tab_limit_s=p.open_tab_limit)
    )
    return bench


def test_04_a_forgotten_tab_is_warned_turns_dormant_and_lets_go_until_it_is_clicked(at: Scene) -> None:
    live = at.arrive(TAB)
    at.registry.presence.interacted(live)
    bench = watched(at, open_tab_limit=30, warn_before=5, services={"svc": {"idle_after": 10}})
    bench.pass_time(20)
    assert bench.state() is ServiceState.READY
    bench.pass_time(18)
    assert at.registry.get(TAB).state is SessionState.DORMANT
    assert bench.state() is ServiceState.WARNED
    assert len(bench.warnings) == 1
    at.registry.presence.interacted(live)
    bench.pass_time(2)
    assert at.registry.get(TAB).state is SessionState.CONNECTED
    assert bench.state() is ServiceState.READY
    assert len(bench.called_off) == 1
    bench.pass_time(60)
    assert bench.state() is ServiceState.STOPPED


def test_05_a_hidden_tab_that_stirs_once_a_minute_is_still_there(at: Scene) -> None:
    live = at.arrive(TAB)
    bench = watched(at)
    for _ in range(10):
        bench.pass_time(60)
        at.registry.presence.seen(live)
    assert at.kinds(live) == ["started"]
    assert at.registry.get(TAB).state is SessionState.CONNECTED
    assert bench.services[0].calls == []


def test_07_ten_drops_and_returns_are_one_start_no_end_and_no_stop(at: Scene) -> None:
    live = at.arrive(TAB)
    bench = watched(at, services={"svc": {"idle_after": 15}})
    for _ in range(10):
        at.leave(live)
        bench.pass_time(8)
        assert at.arrive(TAB) is live
        bench.pass_time(8)
    assert at.kinds(live).count("started") == 1
    assert at.kinds(live).count("ended") == 0
    assert bench.services[0].calls == []
