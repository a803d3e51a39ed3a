"""Real servers for the whole folder, in both ways to run: an st.App with the tap, and a plain script with one call.

Sessions end after 2 s, browsers are pinged every second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from octostar_runtime.testing import wait_until
from tests.real.sessions.probe import Probe
from tests.support.ports import free_port
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import StreamlitServer

APPS = Path(__file__).parent / "apps"
SETTINGS = {"OCTOSTAR_SESSION_END_AFTER_S": "2", "OCTOSTAR_HEARTBEAT_INTERVAL_S": "0.5"}
OPTIONS = {"server.websocketPingInterval": 1}


@dataclass
class Served:
    """One server and where its window is."""

    server: StreamlitServer
    probe: Probe


@pytest.fixture(scope="package", params=["app", "script"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if request.param == "app":
        with StreamlitServer(APPS / "tapped.py", env=SETTINGS, options=OPTIONS) as running:
            yield Served(running, Probe(running.url))
        return
    port = free_port()
    env = {**SETTINGS, "WINDOW_PORT": str(port), "OCTOSTAR_STATE_DIR": str(tmp_path_factory.mktemp("state"))}
    with StreamlitServer(APPS / "one_call.py", env=env, options=OPTIONS) as running:
        probe = Probe(f"http://127.0.0.1:{port}")
        with StreamlitClient(running.url, timeout_s=30) as first:
            # a plain script can only begin in the run of its first user, who is seen from then on
            wait_until(lambda: probe.session(first)["state"] == "connected", what="the first session")
        yield Served(running, probe)


@pytest.fixture
def server(served: Served) -> StreamlitServer:
    return served.server


@pytest.fixture
def probe(served: Served) -> Probe:
    return served.probe


app_alone = pytest.mark.parametrize("served", ["app"], indirect=True)
