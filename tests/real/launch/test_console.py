"""The console as ./main.sh starts it: what an operator gets at the printed address."""

import stat
from collections.abc import Iterator

import httpx
import psutil
import pytest

from octostar_runtime.testing import wait_until
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def console() -> Iterator[RunningApp]:
    with RunningApp(command=["./main.sh"]) as app:
        yield app


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/api/health", "application/json"),
        ("/docs", "text/html"),
        ("/openapi.json", "application/json"),
    ],
)
def test_the_address_serves_console_and_api_without_sign_in(console: RunningApp, path: str, kind: str) -> None:
    answer = console.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)


def test_docs_and_schema_are_those_of_the_api_and_not_of_streamlit(console: RunningApp) -> None:
    assert console.get("/openapi.json").json()["openapi"].startswith("3.1")
    assert "openapi.json" in console.get("/docs").text


def test_nothing_but_health_is_open_to_whoever_finds_the_port(console: RunningApp) -> None:
    for method, path in (("GET", "/api/runs"), ("POST", "/api/services/ui/stop"), ("PUT", "/api/policy")):
        answer = httpx.request(method, console.url + path, json={})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_websocket_session_runs_the_script_through_nginx(console: RunningApp) -> None:
    with StreamlitClient(console.url, headers={"Origin": console.url}) as client:
        assert client.page.runs_finished == 1
        assert client.page.exceptions == []


def test_a_websocket_from_another_site_is_refused(console: RunningApp) -> None:
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus, match="403"):
        StreamlitClient(console.url, headers={"Origin": "http://evil.example.org"})


def test_the_printed_link_signs_in_once(console: RunningApp) -> None:
    cookie = console.sign_in()
    me = console.get("/api/me", headers={"Cookie": cookie}).json()
    assert me["role"] == "admin"
    again = console.get(console.sign_in_link.removeprefix(console.url))
    assert again.status_code == 401


def test_the_printed_token_file_is_private_and_works(console: RunningApp) -> None:
    path = console.state_dir / "api-token"
    assert str(path) in console.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert console.api("GET", "/api/runs").status_code == 200


def test_nothing_in_the_state_directory_can_be_read_by_others(console: RunningApp) -> None:
    open_to_others = [path for path in console.state_dir.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert open_to_others == []
    assert console.state_dir.stat().st_mode & 0o066 == 0


def test_secrets_of_sign_in_stand_in_no_log(console: RunningApp) -> None:
    everything = "".join(console.log(name) for name in ("ui", "api", "nginx", "supervisord"))
    assert everything
    assert "octl_" not in everything
    assert console.token not in everything


def test_a_second_one_on_the_same_state_directory_is_refused(console: RunningApp) -> None:
    second = RunningApp(command=["./main.sh"], state_dir=console.state_dir).launch()
    assert second.process.wait(30) != 0
    (line,) = second.output.splitlines()
    assert f"already runs with the state directory {console.state_dir}" in line
    assert console.get("/api/health").status_code == 200


def test_a_start_with_everything_installed_installs_nothing(console: RunningApp) -> None:
    assert "Installing" not in console.output
    assert console.output.splitlines()[0].startswith("Octostar console is ready")


def test_a_killed_ui_is_told_as_a_lost_node_and_its_successor_joins(console: RunningApp) -> None:
    def told() -> dict[int, str]:
        return {node["pid"]: node["state"] for node in console.api("GET", "/api/nodes").json()["items"]}

    old = console.pid_of("ui")
    wait_until(lambda: told().get(old) == "ok", timeout_s=30, what="the UI as a node")
    psutil.Process(old).kill()
    wait_until(lambda: told().get(old) == "lost", timeout_s=20, what="the API to say that the node is lost")
    wait_until(lambda: told().get(console.pid_of("ui")) == "ok", timeout_s=40, what="its successor as a node")
