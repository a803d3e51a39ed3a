"""What the idle policy says of sessions holds from the next moment on."""

from octostar_runtime.events import EventBus
from octostar_runtime.models.sessions import ComingStop, SessionState
from octostar_runtime.sessions import SessionRegistry
from octostar_runtime.sessions.coming_stops import GRACE_S, MOST
from octostar_runtime.sessions.visitor import Visitor
from octostar_runtime.settings import Settings
from octostar_runtime.testing import ManualClock


def registry(clock: ManualClock) -> SessionRegistry:
    settings = Settings(session_end_after_s=120)
    return SessionRegistry(node_id="n", clock=clock, sink=EventBus(), settings=settings)


def stop(service: str, at: float) -> ComingStop:
    return ComingStop(service=service, text="it stops", stops_at=at)


def test_a_shorter_time_until_the_end_is_used_and_a_longer_one_is_not() -> None:
    sessions = registry(ManualClock())
    sessions.use_limits(heartbeat_s=2, end_after_s=10, open_tab_limit_s=0)
    assert sessions.monitor.end_after_s == 10
    sessions.use_limits(heartbeat_s=2, end_after_s=3600, open_tab_limit_s=0)
    assert sessions.monitor.end_after_s == 120, "the server has forgotten them by then"
    sessions.use_limits(heartbeat_s=2, end_after_s=None, open_tab_limit_s=0)
    assert sessions.monitor.end_after_s == 120


def test_no_policy_lets_a_session_outlive_what_the_server_remembers() -> None:
    sessions = registry(ManualClock())
    sessions.monitor.server_forgets_after_s = 60
    sessions.use_limits(heartbeat_s=2, end_after_s=100, open_tab_limit_s=0)
    assert sessions.monitor.end_after_s == 60


def test_who_left_under_another_limit_ends_when_that_one_said() -> None:
    clock = ManualClock()
    sessions = registry(clock)
    sessions.use_limits(heartbeat_s=2, end_after_s=10, open_tab_limit_s=0)
    sessions.presence.connected("s", Visitor())
    sessions.presence.disconnected("s")
    sessions.use_limits(heartbeat_s=2, end_after_s=100, open_tab_limit_s=0)
    clock.advance(9)
    sessions.monitor.turn()
    assert sessions.get("s").state is SessionState.DISCONNECTED
    clock.advance(2)
    sessions.monitor.turn()
    assert sessions.get("s").state is SessionState.ENDED


def test_another_heartbeat_interval_takes_effect_at_once() -> None:
    clock = ManualClock()
    sessions = registry(clock)
    sessions.use_limits(heartbeat_s=60, end_after_s=None, open_tab_limit_s=0)
    clock.advance(30)
    sessions.monitor.turn()
    assert sessions.monitor.sweeps == 0
    sessions.use_limits(heartbeat_s=1, end_after_s=None, open_tab_limit_s=0)
    clock.advance(1)
    sessions.monitor.turn()
    assert sessions.monitor.sweeps == 1


def test_a_coming_stop_is_shown_until_it_is_called_off() -> None:
    clock = ManualClock()
    sessions = registry(clock)
    sessions.announce_stop(stop("model", clock.time() + 60))
    sessions.announce_stop(stop("ui", clock.time() + 30))
    assert [one.service for one in sessions.coming_stops.current()] == ["ui", "model"]
    sessions.announce_stop(stop("ui", clock.time() + 30), called_off=True)
    assert [one.service for one in sessions.coming_stops.current()] == ["model"]


def test_a_stop_that_nobody_called_off_is_forgotten_after_a_while_whatever_the_wall_clock_does() -> None:
    clock = ManualClock()
    sessions = registry(clock)
    sessions.announce_stop(stop("ui", clock.time() + 60))
    clock.step_wall(86_400)
    assert len(sessions.coming_stops.current()) == 1
    clock.advance(60 + GRACE_S + 1)
    assert sessions.coming_stops.current() == ()


def test_no_more_stops_are_kept_than_anybody_would_read() -> None:
    clock = ManualClock()
    sessions = registry(clock)
    for number in range(100):
        sessions.announce_stop(stop(f"s{number}", clock.time() + number))
    assert len(sessions.coming_stops.current()) == MOST
