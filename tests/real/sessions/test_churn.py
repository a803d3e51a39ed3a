"""Sessions that come and go at random: every one starts once and ends once."""

from collections import Counter

import pytest

from octostar_runtime.sessions import public_id
from octostar_runtime.testing import wait_until
from tests.real.sessions.probe import Probe
from tests.support.streamlit_server import StreamlitServer
from tests.support.streamlit_swarm import run_churn

pytestmark = pytest.mark.real


def test_random_coming_and_going_loses_and_doubles_nothing(server: StreamlitServer, probe: Probe) -> None:
    tally = run_churn(server.url, tabs=30, seconds=6)
    assert tally.failures == []
    made = {public_id(session_id) for session_id in tally.sessions}
    wait_until(
        lambda: all(s["state"] == "ended" for s in probe.sessions() if s["session_id"] in made),
        timeout_s=8,
        what="the end of all",
    )
    counts = Counter((event["kind"], event["subject"]) for event in probe.events() if event["subject"] in made)
    for shown in made:
        assert counts["session.started", shown] == 1
        assert counts["session.ended", shown] == 1
        assert counts["session.disconnected", shown] == counts["session.reconnected", shown] + 1
