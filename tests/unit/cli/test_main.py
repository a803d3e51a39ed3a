"""The command line says what is wrong in one line."""

import io

import pytest

from octostar_runtime.cli import main


def test_a_service_that_does_not_answer_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:1", "--token", "x", "status"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "is it running?" in told


def test_a_bulk_action_needs_the_expected_count(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--url", "http://127.0.0.1:1", "--token", "x", "tasks", "cancel", "--matching", "state:failed"]
    assert main(arguments) == 1
    assert "--expected" in capsys.readouterr().err


def test_a_password_is_hashed_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert main(["password", "hash"]) == 0
    assert capsys.readouterr().out.startswith("$argon2id$")


def test_wrong_usage_is_exit_code_2() -> None:
    with pytest.raises(SystemExit) as left:
        main(["nonsense"])
    assert left.value.code == 2
