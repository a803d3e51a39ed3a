"""Hearts are judged by whether they move while one looks; nobody's wall clock decides."""

from dataclasses import replace

from octostar_runtime.fleet.watch import HeartWatch
from octostar_runtime.models.nodes import NodeState, StoredNode
from tests.contracts.store.conftest import a_node


def node(beat: int, **changes: object) -> StoredNode:
    return StoredNode(record=a_node("there", **changes), beat=beat)


def test_a_heart_that_stands_still_is_late_and_then_lost() -> None:
    watch, states = HeartWatch(), []
    for second in range(7):
        watch.look([node(5)], monotonic=float(second), wall=0.0)
        states.append(watch.state_of(node(5)))
    assert states == [NodeState.OK] * 3 + [NodeState.LATE] + [NodeState.LOST] * 3


def test_a_beat_makes_it_well_again() -> None:
    watch = HeartWatch()
    for second in range(4):
        watch.look([node(5)], monotonic=float(second), wall=0.0)
    watch.look([node(6)], monotonic=4.0, wall=0.0)
    assert watch.state_of(node(6)) is NodeState.OK


def test_who_was_stopped_itself_declares_nobody_lost() -> None:
    watch = HeartWatch()
    watch.look([node(5)], monotonic=0.0, wall=0.0)
    watch.look([node(5)], monotonic=900.0, wall=900.0)
    assert watch.state_of(node(5)) is NodeState.OK
    watch.blink()
    for second in range(3):
        watch.look([node(5)], monotonic=901.0 + second, wall=0.0)
    assert watch.state_of(node(5)) is NodeState.OK


def test_a_wall_clock_that_is_off_by_a_day_is_told_and_kills_nobody() -> None:
    watch, day = HeartWatch(), 86_400.0
    for second in range(30):
        seen = node(second, heartbeat_at=second - day)
        watch.look([seen], monotonic=float(second), wall=float(second))
        assert watch.state_of(seen) is NodeState.OK
    skew = watch.skew_of(node(29))
    assert skew is not None
    assert round(skew) == -day


def test_clocks_that_agree_show_no_difference() -> None:
    watch = HeartWatch()
    for second in range(5):
        watch.look([node(second, heartbeat_at=second - 0.9)], monotonic=float(second), wall=float(second))
    assert watch.skew_of(node(4)) == 0.0


def test_one_that_said_goodbye_stays_stopped() -> None:
    watch = HeartWatch()
    gone = replace(node(5), record=a_node("there", state=NodeState.STOPPED))
    for second in range(9):
        watch.look([gone], monotonic=float(second), wall=0.0)
    assert watch.state_of(gone) is NodeState.STOPPED
