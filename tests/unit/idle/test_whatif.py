"""Replaying a policy over what was recorded."""

import pytest

from octostar_runtime.idle.policy import parse_policy
from octostar_runtime.idle.whatif import GIB, History, Replay, ReplayedService, Stay, Work

UI = ReplayedService(name="ui", start_s=5, memory_bytes=2 * GIB)


def policy(idle_after: object = 600, **more: object):  # type: ignore[no-untyped-def]
    return parse_policy({"min_uptime": 0, "services": {"ui": {"idle_after": idle_after}}, **more})


def hours(*stays: Stay, works: tuple[Work, ...] = (), end: float = 36_000) -> History:
    return History(start=0, end=end, stays=stays, works=works)


def test_a_gap_longer_than_the_idle_time_is_saved_and_costs_a_wake_and_a_wait() -> None:
    history = hours(Stay(start=0, end=3600), Stay(start=7200, end=36_000))
    [outcome] = Replay(history).run(policy(), [UI])
    assert outcome.hours_stopped == pytest.approx(3000 / 3600)
    assert outcome.gib_hours_saved == pytest.approx(2 * 3000 / 3600)
    assert (outcome.stops, outcome.wakes, outcome.people_who_waited) == (1, 1, 1)
    assert outcome.waits_s == (5.0,)


def test_a_gap_shorter_than_the_idle_time_changes_nothing() -> None:
    history = hours(Stay(start=0, end=3600), Stay(start=4000, end=36_000))
    [outcome] = Replay(history).run(policy(), [UI])
    assert (outcome.stops, outcome.wakes, outcome.hours_stopped) == (0, 0, 0)


def test_two_who_come_while_it_starts_both_wait_the_second_less() -> None:
    history = hours(Stay(start=7200, end=8000), Stay(start=7202, end=8000), end=8000)
    [outcome] = Replay(history).run(policy(), [UI])
    assert outcome.waits_s == (5.0, 3.0)


def test_work_without_anybody_connected_keeps_it_up() -> None:
    history = hours(works=(Work(start=0, end=36_000),))
    [outcome] = Replay(history).run(policy(), [UI])
    assert (outcome.stops, outcome.stops_that_hit_work) == (0, 0)


def test_a_policy_that_ignores_work_is_shown_to_hit_it() -> None:
    history = hours(works=(Work(start=0, end=36_000),))
    [outcome] = Replay(history).run(policy(busy_blocks=False), [UI])
    assert outcome.stops_that_hit_work == 1


def test_observers_keep_nothing_up_and_do_not_count_as_people_who_waited() -> None:
    history = hours(Stay(start=0, end=36_000, observer=True))
    [outcome] = Replay(history).run(policy(), [UI])
    assert outcome.hours_stopped == pytest.approx((36_000 - 600) / 3600)
    assert outcome.people_who_waited == 0


def test_hours_of_the_schedule_are_not_saved() -> None:
    window = {"start": "00:00", "end": "23:59"}
    [outcome] = Replay(hours()).run(policy(awake_schedule=[window]), [UI])
    assert outcome.stops == 0


def test_off_and_never_save_nothing() -> None:
    assert Replay(hours()).run(policy("off"), [UI])[0].hours_stopped == 0
    assert Replay(hours()).run(policy(mode="off"), [UI])[0].hours_stopped == 0


def test_longer_idle_times_never_save_more_and_never_wake_more() -> None:
    stays = tuple(Stay(start=i * 1700.0, end=i * 1700.0 + 300 + (i * 7919) % 900) for i in range(500))
    swept = Replay(hours(*stays, end=900_000)).sweep(policy(flap_limit=1000), UI, [60, 300, 600, 1200, 3600])
    saved = [outcome.hours_stopped for _, outcome in swept]
    wakes = [outcome.wakes for _, outcome in swept]
    assert saved == sorted(saved, reverse=True)
    assert wakes == sorted(wakes, reverse=True)
    assert saved[0] > saved[-1]
    assert all(outcome.stops_that_hit_work == 0 for _, outcome in swept)
