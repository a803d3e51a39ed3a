"""A browser that stops answering without saying so."""

import os
import signal
import subprocess
import sys

import pytest

from octostar_runtime.testing import wait_until
from tests.real.sessions.conftest import app_alone
from tests.real.sessions.probe import Probe
from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = pytest.mark.real

_CLIENT = """
import sys, time
from tests.support.streamlit_client import StreamlitClient
with StreamlitClient(sys.argv[1]) as client:
    print(client.session_id, flush=True)
    time.sleep(60)
"""


@app_alone  # the page of a plain script is stopped with its browser in test_console_page.py
def test_mode_06_a_stopped_browser_turns_late_and_is_disconnected_within_two_pings(
    server: StreamlitServer, probe: Probe
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _CLIENT, server.url], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert child.stdout is not None
        session_id = child.stdout.readline().strip()
        seen = probe.by_id(session_id)["last_seen_at"]
        # pings alone keep it alive: nobody touches the page
        wait_until(lambda: probe.by_id(session_id)["last_seen_at"] > seen + 1, what="signs of life by answered pings")
        assert probe.by_id(session_id)["life"] == "ok"
        os.kill(child.pid, signal.SIGSTOP)
        wait_until(lambda: probe.by_id(session_id)["life"] == "late", timeout_s=3, what="late")
        assert probe.by_id(session_id)["state"] == "connected"
        probe.wait_state(session_id, "disconnected", timeout_s=3)
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
