"""Services, holds and the what-if replay from the command line, against a real API server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octostar_runtime.cli import main
from octostar_runtime.idle import HookBackend
from octostar_runtime.sessions.visitor import Visitor
from octostar_runtime.testing import wait_until
from tests.support.api_server import ApiServer, running_api

pytestmark = [pytest.mark.real, pytest.mark.timeout(90)]
Command = Callable[..., tuple[int, str]]


def nothing() -> None:
    """A service that needs no work to start or stop."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running_api(tmp_path_factory.mktemp("state")) as running:
        node_id = running.runtime.node.node_id
        running.runtime.services.add(HookBackend("model", node_id=node_id, start=nothing, stop=nothing, running=True))
        running.runtime.idle.save_policy({"check_interval": 0.2}, 0, "test")
        wait_until(lambda: state(running) in ("ready", "idle"), timeout_s=15, what="the model")
        yield running


@pytest.fixture
def command(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> Command:
    token = server.token()

    def run(*words: str) -> tuple[int, str]:
        code = main(["--url", server.url, "--token", token, *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def state(server: ApiServer) -> str:
    return next((s.state.value for s in server.runtime.fleet.snapshot.services if s.name == "model"), "")


def test_a_service_is_stopped_and_started_by_name_and_its_log_tells(server: ApiServer, command: Command) -> None:
    assert command("services", "stop", "model", "--reason", "saving money")[0] == 0
    wait_until(lambda: state(server) == "stopped", timeout_s=15, what="the stop")
    assert command("services", "start", "model")[0] == 0
    wait_until(lambda: state(server) in ("ready", "idle"), timeout_s=15, what="the start")
    _, said = command("services", "log", "model")
    assert "stop returned after" in said
    _, listed = command("services", "list")
    assert "model" in listed


def test_a_service_in_use_is_stopped_only_by_force(server: ApiServer, command: Command) -> None:
    someone = server.runtime.sessions.presence.connected("11111111-2222-4333-8444-555555555555", Visitor(user="bob"))
    try:
        wait_until(lambda: _blocked(server), timeout_s=15, what="the blocker")
        code, said = command("services", "stop", "model")
        assert code == 1
        assert "in use" in said
        assert command("services", "stop", "model", "--force")[0] == 0
        wait_until(lambda: state(server) == "stopped", timeout_s=15, what="the stop")
    finally:
        server.runtime.sessions.presence.disconnected(someone.session_id)
        command("services", "start", "model")


def _blocked(server: ApiServer) -> bool:
    found = next(s for s in server.runtime.fleet.snapshot.services if s.name == "model")
    return any(blocker.kind == "session" for blocker in found.blockers)


def test_a_hold_is_taken_listed_and_released(command: Command) -> None:
    code, said = command("services", "hold", "demo at noon", "--minutes", "90")
    assert code == 0
    hold_id = said.split()[-1]
    assert "demo at noon" in command("services")[1]
    assert command("services", "release", hold_id)[0] == 0
    assert "demo at noon" not in command("services")[1]


def test_a_policy_is_tried_before_it_is_saved(server: ApiServer, command: Command, tmp_path: Path) -> None:
    wanted = tmp_path / "policy.json"
    wanted.write_text(json.dumps({"version": 1, "policy": {"services": {"model": {"idle_after": 60}}}}))
    code, said = command("policy", "what-if", str(wanted), "--days", "2")
    assert code == 0
    assert "model" in said
    assert "48 h" in said
    wanted.write_text(json.dumps({"version": 1, "policy": {"min_uptime": -1}}))
    code, said = command("policy", "what-if", str(wanted))
    assert code == 1
    assert "min_uptime" in said
    with server.client() as client:
        answer = client.try_policy(days=1)
    assert {one["service"] for one in answer["outcomes"]} >= {"model", "caches", "pool:default"}
    assert all(one["stops_that_hit_work"] == 0 for one in answer["outcomes"])
