"""The machine's last 24 hours."""

import json
from pathlib import Path

import pytest

from octostar_runtime.models.fleet import HostSample
from octostar_runtime.telemetry.day import KEPT, LINES, STEP_S, Day


def reading(at: float, **more: float) -> HostSample:
    given: dict[str, float] = {"cpu_percent": 10.0, "people": 1, **more}
    return HostSample(
        at=at,
        scope="machine",
        memory_used=100,
        memory_limit=1000,
        process_cpu_percent=1.0,
        process_memory=10,
        **given,  # type: ignore[arg-type]
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "host-day.jsonl"


def test_a_stretch_is_the_average_load_and_the_most_people(file: Path) -> None:
    day = Day(file)
    for at, cpu, people in ((600.0, 10.0, 2), (602.0, 30.0, 5), (898.0, 50.0, 1)):
        day.add(reading(at, cpu_percent=cpu, people=people))
    assert day.samples() == ()  # not over yet

    day.add(reading(900.0))

    (stretch,) = day.samples()
    assert (stretch.at, stretch.cpu_percent, stretch.people) == (600.0, 30.0, 5)


def test_a_restart_goes_on_with_the_same_day(file: Path) -> None:
    before = Day(file)
    for step in range(4):
        before.add(reading(step * STEP_S))

    after = Day(file)

    assert [sample.at for sample in after.samples()] == [0.0, 300.0, 600.0]
    after.add(reading(3 * STEP_S))
    after.add(reading(4 * STEP_S))
    assert [sample.at for sample in after.samples()] == [0.0, 300.0, 600.0, 900.0]


def test_several_processes_add_to_one_file(file: Path) -> None:
    pages, api = Day(file), Day(file)
    for step in range(3):
        pages.add(reading(step * STEP_S))
        api.add(reading(step * STEP_S))
    assert [sample.at for sample in Day(file).samples()] == [0.0, 300.0]


def test_it_keeps_a_day_in_memory_and_a_bounded_file(file: Path) -> None:
    day = Day(file)
    for step in range(LINES + KEPT):
        day.add(reading(step * STEP_S))
    assert len(day.samples()) == KEPT
    assert len(file.read_text().splitlines()) <= LINES
    assert day.samples()[-1].at == (LINES + KEPT - 2) * STEP_S


def test_after_a_long_stop_what_is_older_than_a_day_goes(file: Path) -> None:
    day = Day(file)
    for at in (0.0, 300.0, 200_000.0, 200_400.0):
        day.add(reading(at))
    assert [sample.at for sample in day.samples()] == [199_800.0]


def test_lines_that_cannot_be_read_are_left_out(file: Path) -> None:
    day = Day(file)
    day.add(reading(0.0))
    day.add(reading(300.0))
    whole = file.read_text()
    file.write_text("{cut off\n[1]\nnull\n" + json.dumps({"at": 1}) + "\n" + whole + '{"at": 600.0, "sco')
    assert [sample.at for sample in Day(file).samples()] == [0.0]


def test_without_a_place_for_the_file_memory_has_to_do(tmp_path: Path) -> None:
    day = Day(tmp_path / "not" / "there" / "host-day.jsonl")
    for step in range(3):
        day.add(reading(step * STEP_S))
    assert len(day.samples()) == 2
