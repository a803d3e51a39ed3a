"""When a program that nothing works without cannot be kept running, everything ends with a line that says why."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from supervisor import events
from supervisor.states import SupervisorStates

from octostar_runtime.deploy import essential


@pytest.fixture(autouse=True)
def quiet_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(essential, "_failed", [])
    events.clear()
    yield
    events.clear()


def supervisord(*names: str) -> SimpleNamespace:
    options = SimpleNamespace(mood=SupervisorStates.RUNNING)
    return SimpleNamespace(options=options, process_groups=dict.fromkeys(names))


def program(name: str, log: Path) -> SimpleNamespace:
    config = SimpleNamespace(name=name, stdout_logfile=str(log))
    return SimpleNamespace(config=config, pid=1, group=SimpleNamespace(config=config))


def fatal(name: str, log: Path) -> None:
    events.notify(events.ProcessStateFatalEvent(program(name, log), None))


def test_the_end_of_an_essential_program_names_it_and_its_last_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "api.log"
    log.write_text("Traceback ...\nValueError: the store is too new\n\n")
    whole = supervisord("api", "ui", "nginx")
    essential.watch(whole)
    fatal("api", log)
    assert whole.options.mood == SupervisorStates.SHUTDOWN
    assert essential.failed_program() == "api"
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "api does not start (ValueError: the store is too new)" in said
    assert str(log) in said


def test_a_program_of_the_operator_may_fail(tmp_path: Path) -> None:
    whole = supervisord("api", "ui", "nginx", "model")
    essential.watch(whole)
    fatal("model", tmp_path / "model.log")
    assert whole.options.mood == SupervisorStates.RUNNING


def test_a_ui_that_ran_once_and_fails_later_is_left_to_the_idle_controller(tmp_path: Path) -> None:
    whole = supervisord("api", "ui", "nginx")
    essential.watch(whole)
    events.notify(events.ProcessStateRunningEvent(program("ui", tmp_path), None))
    fatal("ui", tmp_path / "ui.log")
    assert whole.options.mood == SupervisorStates.RUNNING


def test_a_ui_that_never_ran_ends_everything(tmp_path: Path) -> None:
    whole = supervisord("api", "ui", "nginx")
    essential.watch(whole)
    fatal("ui", tmp_path / "ui.log")
    assert essential.failed_program() == "ui"


def test_a_ui_that_is_all_there_is_stays_essential(tmp_path: Path) -> None:
    whole = supervisord("ui")
    essential.watch(whole)
    events.notify(events.ProcessStateRunningEvent(program("ui", tmp_path), None))
    fatal("ui", tmp_path / "ui.log")
    assert whole.options.mood == SupervisorStates.SHUTDOWN


def test_failures_while_everything_stops_are_no_news(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = supervisord("api")
    whole.options.mood = SupervisorStates.SHUTDOWN
    essential.watch(whole)
    fatal("api", tmp_path / "api.log")
    assert essential.failed_program() is None
    assert capsys.readouterr().err == ""
