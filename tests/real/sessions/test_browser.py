"""Messages, reload, duplicate and kick as a person sees them, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from octostar_runtime.testing import wait_until
from tests.real.sessions.conftest import APPS
from tests.real.sessions.probe import Probe
from tests.support.streamlit_server import StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def served() -> Iterator[StreamlitServer]:
    env = {"OCTOSTAR_SESSION_END_AFTER_S": "30", "TAPPED_MESSAGES": "1"}
    with StreamlitServer(APPS / "tapped.py", env=env, options={"server.websocketPingInterval": 2}) as running:
        yield running


def test_a_tab_from_its_first_message_to_its_kick(served: StreamlitServer, browser: Browser) -> None:
    probe = Probe(served.url)
    context = browser.new_context()
    page = context.new_page()

    def connected() -> list[str]:
        return [s["session_id"] for s in probe.sessions() if s["state"] == "connected"]

    page.goto(served.url)
    page.get_by_text("pressed=0").wait_for()
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Name").press("Enter")
    page.get_by_text("name=Ada").wait_for()
    (first,) = connected()
    probe.act("message", session=first, text="Maintenance at noon")
    page.get_by_text("Maintenance at noon").wait_for(timeout=2_000)
    assert page.get_by_text("name=Ada").count() == 1

    page.reload()
    page.get_by_text("pressed=0").wait_for()
    wait_until(lambda: probe.by_id(first)["end_reason"] == "reloaded", what="the adoption")
    (second,) = connected()
    assert probe.by_id(second)["predecessor"] == first

    with page.expect_popup() as popup:
        page.evaluate("window.open(location.href)")  # gets a copy of sessionStorage, as a duplicated tab does
    duplicate = popup.value
    duplicate.get_by_text("pressed=0").wait_for()
    wait_until(lambda: duplicate.evaluate("sessionStorage.getItem('octostar-tab')") is not None, what="its own token")
    assert probe.by_id(second)["state"] == "connected"
    duplicate.close()

    probe.act("end", session=second, reason="maintenance")
    page.get_by_text("An operator ended your session").wait_for(timeout=5_000)
    page.get_by_label("Name").fill("Grace")
    page.get_by_label("Name").press("Enter")
    page.get_by_text("name=Grace").wait_for(timeout=5_000)
    context.close()
