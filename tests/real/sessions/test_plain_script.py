"""The same without st.App: a plain script with one import and one call."""

import time
from pathlib import Path

import pytest

from tests.real.sessions.conftest import APPS
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import StreamlitServer

pytestmark = pytest.mark.real


def test_a_plain_script_gets_sessions_messages_and_cancelled_tasks(tmp_path: Path) -> None:
    env = {"OCTOSTAR_SESSION_END_AFTER_S": "1", "OCTOSTAR_STATE_DIR": str(tmp_path)}
    with (
        StreamlitServer(APPS / "plain.py", env=env) as server,
        StreamlitClient(server.url) as watcher,
        StreamlitClient(server.url) as client,
    ):
        client.click("Submit")
        watcher.click("Message all")
        client.wait_for("Hello from the other tab", timeout_s=2)
        client.abort()
        client.resume()
        assert client.shows('"running"')
        client.disconnect()
        time.sleep(1.5)
        watcher.rerun()
        assert watcher.shows('"ended"')
        assert watcher.shows('"cancelled"')
        assert watcher.shows("session ended")
