"""The command line over the typed client, against a running API."""

import json
from collections.abc import Callable

import pytest

from octostar_runtime.cli import main
from octostar_runtime.testing import wait_until
from tests.support.api_server import ApiServer

pytestmark = pytest.mark.real
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(server: ApiServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a command line and gives its exit code and output."""
    monkeypatch.setenv("OCTOSTAR_API_URL", server.url)
    monkeypatch.setenv("OCTOSTAR_API_TOKEN", server.token())

    def command(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(arguments)
        return code, capsys.readouterr().out

    return command


def test_status_fits_on_one_screen_and_is_json_wherever_that_is_asked_for(run: Run) -> None:
    code, text = run("status")
    assert code == 0
    assert "people connected" in text
    assert "default" in text
    for arguments in (("--json", "status"), ("status", "--json")):
        assert json.loads(run(*arguments)[1])["nodes"][0]["kind"] == "api"


@pytest.mark.parametrize("group", ["tasks", "sessions", "services", "policy", "tokens"])
def test_a_group_alone_shows_what_there_is(run: Run, group: str) -> None:
    code, text = run(group)
    assert (code, bool(text)) == (0, True)
    assert run(group, "--json")[0] == 0


def test_a_message_that_lasts_is_listed_and_withdrawn(run: Run) -> None:
    assert run("sessions", "message", "Down at noon", "--level", "warning", "--lasting-s", "600")[0] == 0
    (notice,) = json.loads(run("sessions", "notices", "--json")[1])
    assert (notice["text"], notice["level"]) == ("Down at noon", "warning")
    assert "Down at noon" in run("sessions", "notices")[1]
    assert run("sessions", "withdraw", notice["notice_id"], "--reason", "it is off") == (0, "withdrawn\n")
    assert json.loads(run("sessions", "notices", "--json")[1]) == []
    assert run("sessions", "withdraw", notice["notice_id"])[0] == 1
    assert run("sessions", "message", "Down", "nobody", "--lasting-s", "600")[0] == 1


def test_tasks_are_listed_cancelled_and_retried(server: ApiServer, run: Run) -> None:
    with server.client() as client:
        call = client.call("endless")
        wait_until(lambda: client.run(call.run_id).state.value == "running", what="the run to start")
        server.runtime.publisher.flush_now()
        code, text = run("tasks", "list", "state:running", "name:endless")
        assert (code, call.run_id in text) == (0, True)
        assert run("tasks", "cancel", call.run_id, "--reason", "enough")[0] == 0
        wait_until(lambda: client.run(call.run_id).terminal, what="the run to stop")
        assert run("tasks", "cancel", call.run_id)[0] == 1
        code, text = run("tasks", "show", call.run_id)
        assert (code, "cancelled" in text) == (0, True)
        code, text = run("tasks", "retry", call.run_id, "--json")
        again = json.loads(text)["outcomes"][0]["detail"]
        client.cancel_runs([again])
        wait_until(lambda: client.run(again).terminal, what="the second run to stop")


def test_a_policy_goes_out_and_comes_back_once(run: Run, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    _, text = run("policy", "get")
    changed = json.loads(text)
    changed["policy"]["mode"] = "dry_run"
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(changed)))
    assert run("policy", "put", "-")[0] == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(changed)))
    assert run("policy", "put", "-")[0] == 1
    assert json.loads(run("policy")[1])["policy"]["mode"] == "dry_run"


def test_a_token_is_made_used_and_revoked(server: ApiServer, run: Run) -> None:
    code, text = run("tokens", "make", "ci", "--role", "viewer", "--scope", "read", "--days", "1")
    secret = text.strip()
    assert (code, secret.startswith("octt_")) == (0, True)
    assert run("--token", secret, "tasks")[0] == 0
    assert run("tasks", "cancel", "x", "--token", secret)[0] == 1
    listed = json.loads(run("tokens", "--json")[1])
    assert secret not in json.dumps(listed)
    (token,) = [token for token in listed if token["label"] == "ci"]
    assert run("tokens", "revoke", token["token_id"])[0] == 0
    assert run("status", "--token", secret)[0] == 1


def test_a_hold_is_taken_shown_and_released(run: Run) -> None:
    _, text = run("services", "hold", "a demo", "--minutes", "5")
    assert "a demo" in run("services")[1]
    assert run("services", "release", text.strip())[0] == 0
    assert run("services", "release", text.strip())[0] == 1


def test_events_can_be_followed_from_python(server: ApiServer) -> None:
    with server.client() as client:
        events = client.follow(kind="access.")
        from threading import Timer

        timer = Timer(0.3, server.token)
        timer.start()
        assert next(events).kind == "access.token_made"
        events.close()  # type: ignore[attr-defined]
        timer.join()
