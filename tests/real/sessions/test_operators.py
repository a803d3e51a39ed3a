"""What operators do to sessions, on a real server with a raw client."""

import time

import pytest

from octostar_runtime.testing import wait_until
from tests.real.sessions.probe import Probe
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import StreamlitServer

pytestmark = pytest.mark.real


def test_an_ended_session_is_closed_may_not_come_back_and_its_page_lives_on(
    server: StreamlitServer, probe: Probe
) -> None:
    with StreamlitClient(server.url, page="reports", query="q=7") as client:
        client.rerun(page="reports", query="q=7")
        old = client.session_id
        probe.act("end", client, reason="maintenance")
        client.wait_closed(timeout_s=2)
        client.resume(run=False)  # as the frontend does by itself
        client.wait(lambda: client.session_id != old and client.page.runs_finished > 2, what="a run of a new session")
        client.wait_for("An operator ended your session", timeout_s=3)
        assert "Reports" in client.texts()
        assert "query=7" in client.texts()
        client.type("Choice", "red").wait_for("choice=red")  # runs of fragments end in between
        assert probe.by_id(old)["end_reason"] == "kicked"
        assert probe.session(client)["predecessor"] == probe.by_id(old)["session_id"]
    (ended,) = [event for event in probe.events(old) if event["kind"] == "session.ended"]
    assert (ended["actor"], ended["reason"]) == ("ada", "maintenance")


def test_a_stopped_script_stops_at_its_next_call(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        client.click("Slow", wait=False)
        client.wait_for("step 2")
        probe.act("stop_script", client, reason="too slow")
        started = time.monotonic()
        wait_until(lambda: not probe.session(client)["running"], timeout_s=2, what="the stop")
        assert time.monotonic() - started < 1


def test_a_rerun_keeps_page_query_and_what_was_typed(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        client.go("reports", query="q=7")
        client.type("Choice", "blue")
        runs = client.page.runs_finished
        probe.act("rerun", client)
        client.wait(lambda: client.page.runs_finished > runs, what="the rerun")
        assert {"Reports", "choice=blue", "query=7"} <= set(client.texts())


def test_a_message_reaches_a_page_that_does_not_ask_for_any_within_two_seconds(
    server: StreamlitServer, probe: Probe
) -> None:
    with StreamlitClient(server.url) as client, StreamlitClient(server.url) as other:
        probe.act("message", client, text="Save your work")
        client.wait_for("Save your work", timeout_s=2)
        assert not other.shows("Save your work")


def test_a_message_reaches_a_page_whose_script_runs_for_long(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        client.click("Slow", wait=False)
        client.wait_for("step 1")
        probe.act("message", client, text="Please hold the line")
        client.wait_for("Please hold the line", timeout_s=2)
        client.stop_script()


def test_a_lasting_broadcast_reaches_whoever_is_there_and_whoever_comes(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as present:
        probe.act("broadcast", text="Maintenance at noon", lasting="3")
        present.wait_for("Maintenance at noon", timeout_s=2)
        with StreamlitClient(server.url) as newcomer:
            newcomer.wait_for("Maintenance at noon", timeout_s=3)
    time.sleep(2)  # let it lapse for the tests that follow


def test_memory_is_told_key_by_key(server: StreamlitServer, probe: Probe) -> None:
    with StreamlitClient(server.url) as client:
        assert probe.act("memory", client)["pressed"] > 0
