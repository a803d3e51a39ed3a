"""One real server for the whole folder: an st.App with the tap, ends after 2 s, pings every second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.sessions.probe import Probe
from tests.support.streamlit_server import StreamlitServer

APPS = Path(__file__).parent / "apps"


@pytest.fixture(scope="package")
def server() -> Iterator[StreamlitServer]:
    with StreamlitServer(
        APPS / "tapped.py",
        env={"OCTOSTAR_SESSION_END_AFTER_S": "2", "OCTOSTAR_HEARTBEAT_INTERVAL_S": "0.5"},
        options={"server.websocketPingInterval": 1},
    ) as running:
        yield running


@pytest.fixture
def probe(server: StreamlitServer) -> Probe:
    return Probe(server.url)
