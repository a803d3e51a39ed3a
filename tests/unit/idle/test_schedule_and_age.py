"""Hours in which everything stays up, and services that are recycled when they are old."""

from datetime import UTC, datetime

import pytest

from octostar_runtime.idle.schedule import AwakeWindow
from octostar_runtime.models.services import ServiceState
from tests.unit.idle.bench import Bench


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-06-01 05:29", False),  # a Monday; Rome is two hours ahead in summer
        ("2026-06-01 05:30", True),
        ("2026-06-01 16:59", True),
        ("2026-06-01 17:00", False),
        ("2026-01-05 05:30", False),  # one hour ahead in winter
        ("2026-01-05 06:30", True),
        ("2026-06-06 10:00", False),  # a Saturday
    ],
)
def test_office_hours_follow_the_time_zone_and_its_summer_time(moment: str, is_open: bool) -> None:
    window = AwakeWindow(days=("mon", "tue", "wed", "thu", "fri"), start="07:30", end="19:00", time_zone="Europe/Rome")
    assert (window.open_since(at(moment)) is not None) is is_open


def test_a_window_past_midnight_belongs_to_the_day_it_starts_on() -> None:
    window = AwakeWindow(days=("fri",), start="22:00", end="06:00")
    assert window.open_since(at("2026-06-06 05:00")) == at("2026-06-05 22:00")
    assert window.open_since(at("2026-06-05 05:00")) is None


def test_inside_the_hours_nothing_stops_and_after_them_it_does() -> None:
    bench = Bench()
    now = datetime.fromtimestamp(bench.clock.time(), UTC)
    start, end = now.strftime("%H:%M"), datetime.fromtimestamp(bench.clock.time() + 3600, UTC).strftime("%H:%M")
    document = bench.controller.policy()[0].document()
    bench.save({**document, "awake_schedule": [{"start": start, "end": end}]})
    bench.run(1800, step=3)
    assert bench.state() is ServiceState.READY
    assert [blocker.kind for blocker in bench.record().blockers] == ["schedule"]
    bench.run(1900, step=3)
    bench.run(10)
    assert bench.state() is ServiceState.STOPPED


OLD = {"max_age": 100, "warn_before": 10, "services": {"svc": {"idle_after": "off"}}}


def test_an_old_service_is_recycled_with_notice_although_people_are_connected() -> None:
    bench = Bench(policy=OLD)
    bench.connect()
    bench.run(95)
    assert bench.state() is ServiceState.WARNED
    assert "restarted" in bench.warnings[0].text
    bench.run(15)
    assert bench.services[0].calls == ["drain", "stop", "start"]
    assert bench.state() is ServiceState.READY
    assert bench.services[0].most_processes == 1


def test_an_old_service_is_not_recycled_under_work_and_people_are_told_before_all_the_same() -> None:
    bench = Bench(policy=OLD)
    bench.run_task()
    bench.run(300)
    assert bench.services[0].calls == []
    bench.end_task()
    bench.run(5)
    assert bench.state() is ServiceState.WARNED
    assert bench.services[0].calls == []
    bench.run(15)
    assert bench.services[0].calls == ["drain", "stop", "start"]
