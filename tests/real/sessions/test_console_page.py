"""The Sessions page of a console that a plain script carries, in a real browser beside another one."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from octostar_runtime.testing import wait_until
from tests.real.sessions.conftest import APPS
from tests.support.browser import all_stopped, another_chromium
from tests.support.streamlit_server import StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
EDGE = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamlitServer]:
    env = {
        "OCTOSTAR_SESSION_END_AFTER_S": "8",
        "OCTOSTAR_HEARTBEAT_INTERVAL_S": "0.5",
        "OCTOSTAR_STATE_DIR": str(tmp_path_factory.mktemp("state")),
    }
    script = Path(APPS) / "alone" / "with_console.py"
    with StreamlitServer(script, env=env, options={"server.websocketPingInterval": 5}) as running:
        yield running


def _answer(operator: Page, button: str, **filled_in: str) -> None:
    dialog = operator.get_by_role("dialog")
    for label, text in filled_in.items():
        dialog.get_by_role("textbox", name=label).fill(text)
        dialog.get_by_role("textbox", name=label).blur()
    dialog.get_by_role("button", name=button).click()
    expect(dialog).to_have_count(0, timeout=PATIENCE_MS)


def _last_sign(row: Locator) -> int:
    return int(row.locator("[data-label='Last sign'] time").get_attribute("data-t") or 0)


def _a_message_that_lasts_is_taken_back(operator: Page, tab: Page) -> None:
    operator.get_by_role("button", name="Message everybody").click()
    dialog = operator.get_by_role("dialog")
    dialog.get_by_text("Warning").click()
    dialog.get_by_role("spinbutton").fill("5")
    dialog.get_by_role("spinbutton").blur()
    _answer(operator, "Send", Message="Maintenance at noon")
    tab.get_by_text("Maintenance at noon").first.wait_for(timeout=5_000)
    operator.get_by_role("button", name="Withdraw").click(timeout=PATIENCE_MS)
    _answer(operator, "Withdraw", Reason="it is off")
    expect(tab.get_by_text("Maintenance at noon")).to_have_count(0, timeout=5_000)
    expect(operator.get_by_role("button", name="Withdraw")).to_have_count(0, timeout=PATIENCE_MS)


def test_another_browser_comes_is_told_is_ended_comes_back_and_leaves(
    carried: StreamlitServer, browser: Browser
) -> None:
    operator = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    operator.goto(f"{carried.url}/console-sessions?who=all")
    expect(operator.locator(".oc-fresh").first).to_be_visible(timeout=PATIENCE_MS)
    person = browser.new_context(user_agent=FIREFOX)
    tab = person.new_page()
    tab.goto(carried.url)
    tab.get_by_role("heading", name="Home").wait_for(timeout=PATIENCE_MS)

    rows = operator.locator(".oc-table tbody tr", has_text="Firefox")
    expect(rows).to_have_count(1, timeout=5_000)  # 2 s on a machine that does nothing else
    before = _last_sign(rows)
    wait_until(lambda: _last_sign(rows) > before, timeout_s=15, what="the heartbeat of a tab that nobody touches")
    tab.get_by_label("Name").fill("Ada")
    tab.get_by_label("Name").press("Enter")
    tab.get_by_text("working for Ada").wait_for()

    # a node's clock may be ahead of the browser's: what has happened is still not said to lie ahead
    last = "[data-label='Last sign'] time"
    ahead = "(path) => { document.querySelector(path).dataset.t = Date.now() / 1000 + 600; }"
    operator.evaluate(ahead, f".oc-table tbody tr {last}")
    expect(operator.locator(f".oc-table tbody tr {last}").first).to_have_text("just now", timeout=3_000)

    rows.get_by_role("button", name="More").click()
    operator.get_by_role("dialog").get_by_role("button", name="Send a message").click()
    _answer(operator, "Send", Message="Save your work", Reason="disk swap")
    tab.get_by_text("Save your work").first.wait_for(timeout=5_000)
    _a_message_that_lasts_is_taken_back(operator, tab)

    rows.first.get_by_role("button", name="End", exact=True).click()
    _answer(operator, "End 1 session", Reason="maintenance")
    tab.get_by_text("An operator ended your session").first.wait_for(timeout=PATIENCE_MS)
    tab.get_by_label("Name").fill("Grace")
    tab.get_by_label("Name").press("Enter")
    tab.get_by_text("working for Grace").wait_for(timeout=PATIENCE_MS)
    expect(rows.filter(has_text="Connected")).to_have_count(1, timeout=PATIENCE_MS)
    expect(rows.filter(has_text="Ended")).to_have_count(1, timeout=PATIENCE_MS)

    tab.close()
    expect(rows.filter(has_text="Disconnected")).to_have_count(1, timeout=3_500)
    expect(rows.filter(has_text="Ended")).to_have_count(2, timeout=PATIENCE_MS)

    operator.goto(f"{carried.url}/console-history?audit=1")
    history = operator.locator(".oc-table")
    for reason in ("disk swap", "maintenance", "it is off"):
        expect(history).to_contain_text(reason, timeout=PATIENCE_MS)
    operator.goto(f"{carried.url}/console-tasks?state=cancelled")
    newest = operator.locator(".oc-table tbody tr").first  # what was begun for Grace
    newest.get_by_role("link", name="work").click(timeout=PATIENCE_MS)
    expect(operator.locator(".stMain")).to_contain_text("session ended", timeout=PATIENCE_MS)
    person.close()
    operator.context.close()


def _shown(operator: Page, state: str, heartbeat: str) -> Locator:
    """The row of the browser that is stopped, if it says so of it."""
    told = [("State", state), ("Heartbeat", heartbeat)]
    cells = [operator.locator(f"[data-label='{label}']", has_text=re.compile(f"^{said}$")) for label, said in told]
    return operator.locator(".oc-table tbody tr", has_text="Edge").filter(has=cells[0]).filter(has=cells[1])


def test_a_browser_that_is_stopped_turns_late_then_disconnected_and_comes_back_as_the_same_session(
    carried: StreamlitServer, browser: Browser
) -> None:
    operator = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    operator.goto(f"{carried.url}/console-sessions?who=all")
    operator.get_by_role("combobox", name="How often this page refreshes").click()
    operator.get_by_role("option", name="Every 1 s").click()
    mark = f"--octostar-stopped={uuid.uuid4()}"
    with another_chromium(browser, mark) as stopped:
        tab = stopped.new_page(user_agent=EDGE)
        tab.goto(carried.url)
        tab.get_by_label("Name").fill("Ada")
        tab.get_by_label("Name").press("Enter")
        tab.get_by_text("working for Ada").wait_for(timeout=PATIENCE_MS)
        row = operator.locator(".oc-table tbody tr", has_text="Edge").first
        expect(row).to_contain_text("Alive", timeout=PATIENCE_MS)
        session_id = row.get_attribute("data-id")
        with all_stopped(mark):
            expect(_shown(operator, "Connected", "Late")).to_have_count(1, timeout=15_000)
            expect(_shown(operator, "Disconnected", "Silent")).to_have_count(1, timeout=15_000)
        expect(_shown(operator, "Connected", "Alive")).to_have_count(1, timeout=PATIENCE_MS)
        expect(operator.locator(".oc-table tbody tr", has_text="Edge")).to_have_count(1)
        assert row.get_attribute("data-id") == session_id
        expect(tab.get_by_label("Name")).to_have_value("Ada")
        tab.get_by_text("working for Ada").wait_for(timeout=PATIENCE_MS)
    operator.context.close()
