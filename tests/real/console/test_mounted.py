"""The console in others' apps: from the built wheel, in a plain script, and nobody's until the app says whose."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from octostar_runtime.testing import wait_until
from octostar_runtime.ui.links import PAGES, Links
from tests.support.built_wheel import unpacked_wheel
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_page import component_event
from tests.support.streamlit_server import StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
APPS = Path(__file__).parent / "apps"
LINKS = Links("console")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked_wheel(tmp_path_factory.mktemp("wheel"))


def served(script: str, site: Path, folder: Path) -> StreamlitServer:
    env = {"PYTHONPATH": str(site), "OCTOSTAR_STATE_DIR": str(folder / "state"), "OCTOSTAR_STUCK_AFTER_S": "1"}
    return StreamlitServer(APPS / script, env=env, cwd=folder)


@pytest.fixture(scope="module")
def host(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamlitServer]:
    with served("host.py", site, tmp_path_factory.mktemp("host")) as server:
        yield server


def test_until_the_app_says_who_nobody_sees_or_does_anything(site: Path, tmp_path: Path) -> None:
    with (
        served("host_without_roles.py", site, tmp_path) as server,
        StreamlitClient(server.url, timeout_s=30) as client,
    ):
        assert client.shows("Our own page")
        for name in PAGES:
            client.go(LINKS.path(name))
            assert client.shows("This app decides who may see its console"), name
            assert not client.shows('class="oc-tile'), name
        assert not client.page.exceptions


def test_the_app_runs_from_the_wheel_alone(host: StreamlitServer, site: Path) -> None:
    with StreamlitClient(host.url, timeout_s=30) as client:
        assert client.shows(f"from {site}")


def test_each_page_is_drawn_for_whom_the_app_names(host: StreamlitServer) -> None:
    with StreamlitClient(host.url, timeout_s=30) as client:
        for name in PAGES:
            client.go(LINKS.path(name), query="as=viewer")
            assert client.shows('class="oc-fresh"'), name
            assert not client.page.exceptions, name
        client.go(LINKS.path("overview"), query="as=viewer")
        assert client.shows("People connected")


def test_an_operator_named_by_the_app_cancels_a_task_and_a_viewer_does_not(host: StreamlitServer) -> None:
    with StreamlitClient(host.url, timeout_s=30) as client:
        client.click("Work")
        for role, words in (("viewer", "only operators may"), ("operator", "asked to stop")):
            query = f"as={role}&q=name:work"
            assert state(client, query) == "running"
            ids = [row(client)[0]]
            client.set(component_event(client.page.widget("oc_tasks").id, "act", {"name": "cancel", "ids": ids}))
            button = client.wait(lambda: widget(client, "oc_confirm"), what="the dialog")
            assert any(words in str(element) for element in client.elements())
            client.set(WidgetState(id=button.id, trigger_value=True))
            if role == "viewer":
                assert state(client, query) == "running"
        wait_until(lambda: state(client, query) != "running", what="the cancel", timeout_s=15)


def widget(client: StreamlitClient, key: str) -> Any:
    """Return the widget with that key, None while there is none."""
    try:
        return client.page.widget(key)
    except AssertionError:
        return None


def row(client: StreamlitClient) -> list[Any]:
    """Return the first row of the table of tasks; its id comes first."""
    rows: list[list[Any]] = json.loads(client.page.widget("oc_tasks").bytes)["rows"]
    return rows[0]


def state(client: StreamlitClient, query: str) -> str:
    """Open the list of tasks anew and return the state of the first one."""
    # a raw client does not refresh by itself
    wait_until(lambda: widget(client.go(LINKS.path("tasks"), query=query), "oc_tasks"), what="the task", timeout_s=20)
    return str(row(client)[2])


@pytest.mark.parametrize(("role", "kept"), [("", True), ("viewer", True), ("operator", False)])
def test_only_an_operator_of_the_app_clears_the_caches_of_all(host: StreamlitServer, role: str, kept: bool) -> None:
    with StreamlitClient(host.url, query=f"as={role}", timeout_s=30) as client:
        client.click("Press")
        client.clear_cache()  # would empty the session's state too, by which it is seen
        client.heartbeat().rerun()
        assert client.shows("pressed=True") is kept
