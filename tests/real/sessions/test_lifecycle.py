"""A session from its first byte to its last, on a real Streamlit server with a raw client."""

import pytest

from octostar_runtime.testing import wait_until
from tests.real.sessions.conftest import app_alone
from tests.real.sessions.probe import Probe
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import StreamlitServer

pytestmark = pytest.mark.real


def test_a_session_is_seen_although_its_script_never_ran(server: StreamlitServer, probe: Probe) -> None:
    before = len(probe.sessions())
    with StreamlitClient(server.url, run=False):
        wait_until(lambda: len(probe.sessions()) == before + 1, timeout_s=2, what="the new session")
        assert probe.sessions()[0]["state"] == "connected"


def test_a_closed_tab_disconnects_at_once_and_ends_when_its_resume_time_is_over(
    server: StreamlitServer, probe: Probe
) -> None:
    client = StreamlitClient(server.url)
    client.disconnect()
    probe.wait_state(client.session_id, "disconnected", timeout_s=1)
    ended = probe.wait_state(client.session_id, "ended", timeout_s=4)
    assert ended["end_reason"] == "closed"
    assert ended["ended_at"] - ended["disconnected_at"] == pytest.approx(2.0, abs=0.3)
    assert probe.kinds(client.session_id) == ["started", "disconnected", "ended"]


def test_a_network_blip_is_no_end(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        client.click("Press")
        first = client.session_id
        for _ in range(10):
            client.abort()
            probe.wait_state(first, "disconnected", timeout_s=2)
            client.resume()
        assert client.session_id == first
        assert "pressed=1" in client.texts()
        assert probe.session(client)["reconnects"] == 10
        kinds = probe.kinds(first)
        assert kinds.count("started") == 1
        assert kinds.count("ended") == 0
        assert kinds.count("reconnected") == 10


def test_a_reload_is_a_new_session_and_the_old_one_ends_once(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        old = client.session_id
        client.reload()
        assert client.session_id != old
        probe.wait_state(old, "ended")
        assert probe.kinds(old).count("ended") == 1
        assert probe.session(client)["state"] == "connected"


def test_a_session_tells_who_where_and_what(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}) as client:
        client.go("reports", query="q=7")
        client.type("Choice", "blue")
        record = probe.session(client)
        assert record["remote_address"] == "203.0.113.9"
        assert record["browser"] == "Chrome 156 on Linux"
        assert record["page"] == "reports"
        assert record["observer"] is False
        assert record["last_interaction_at"] >= record["connected_at"]
        assert record["last_run_at"] >= record["connected_at"]
        assert 0 < record["last_run_s"] < 5
        assert record["bytes_in"] > 100
        assert record["bytes_out"] > 1_000
        assert record["running"] is False


def test_whoever_looks_at_a_console_page_is_an_observer_only_while_there(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url, page="console_sessions") as client:
        assert probe.session(client)["observer"] is True
        client.go("")
        assert probe.session(client)["observer"] is False


def test_a_browser_that_comes_back_over_another_network_takes_over_from_the_connection_that_hangs(
    server: StreamlitServer, probe: Probe
) -> None:
    with StreamlitClient(server.url) as hanging, StreamlitClient(server.url, run=False) as client:
        hanging.click("Press")
        client.disconnect()
        client.page.session_id = hanging.session_id  # the same browser, while its old connection still seems open
        client.resume()
        assert "pressed=1" in client.texts()
        hanging.disconnect()  # found out at last
        client.click("Press")
        assert "pressed=2" in client.texts()
        record = probe.session(client)
        assert (record["state"], record["reconnects"]) == ("connected", 1)
        assert "ended" not in probe.kinds(client.session_id)


def test_a_running_script_shows(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        client.click("Slow", wait=False)
        wait_until(lambda: probe.session(client)["running"], what="the running script")
        client.stop_script()
        wait_until(lambda: not probe.session(client)["running"], what="the stopped script")


@app_alone
def test_clear_cache_is_dropped_when_the_predicate_refuses_it(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        client.click("Press")
        client.clear_cache()  # would clear st.session_state
        client.heartbeat().rerun()
        assert "pressed=1" in client.texts()
