"""What operators come for, clicked in a real browser through nginx."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from octostar_runtime.testing import wait_until
from tests.real.console.conftest import PATIENCE_MS, confirm, start, state_of
from tests.support.running_app import RunningApp

pytestmark = pytest.mark.real
PAGES = ["", "sessions", "tasks", "pool", "nodes", "idle", "history", "system", "task"]


@pytest.mark.parametrize("address", PAGES)
def test_a_stranger_on_any_page_sees_the_sign_in_and_no_data(
    browser: Browser, console: RunningApp, address: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{console.url}/{address}")

    expect(page.get_by_text("Sign in to the console")).to_be_visible(timeout=PATIENCE_MS)
    assert page.locator(".oc-tile, .oc-table, .oc-facts").count() == 0
    context.close()


@pytest.mark.parametrize("address", PAGES)
def test_a_deep_link_opens_its_page_in_the_frame(operator: Page, console: RunningApp, address: str) -> None:
    operator.goto(f"{console.url}/{address}")

    expect(operator.locator(".oc-fresh").first).to_contain_text("Updated", timeout=PATIENCE_MS)
    expect(operator.get_by_test_id("stSidebarNav")).to_contain_text("Idle shutdown")
    assert operator.get_by_test_id("stException").count() == 0


def test_a_running_task_is_cancelled_by_a_click(operator: Page, console: RunningApp) -> None:
    run_id = start(console, "works", seconds=60)
    operator.goto(f"{console.url}/tasks?state=running&q=name:works")
    row = operator.locator(f"tr[data-id='{run_id}']")
    expect(row).to_be_visible(timeout=PATIENCE_MS)

    row.get_by_role("button", name="Cancel").click()
    confirm(operator, "wrong month")

    wait_until(lambda: state_of(console, run_id) == "cancelled", what="the cancel", timeout_s=10)
    operator.goto(f"{console.url}/history?audit=1")
    expect(operator.locator(".oc-table")).to_contain_text("wrong month", timeout=PATIENCE_MS)


def test_a_failing_group_is_found_read_and_retried_as_a_whole(operator: Page, console: RunningApp) -> None:
    runs = [start(console, "fails", number=number) for number in range(5)]
    for run_id in runs:
        wait_until(lambda run_id=run_id: state_of(console, run_id) == "error", what="the failure", timeout_s=15)  # type: ignore[misc]

    operator.goto(f"{console.url}/tasks?group=error")
    operator.get_by_role("link", name="ValueError").click()
    expect(operator).to_have_url(re.compile("error%3AValueError"), timeout=PATIENCE_MS)
    operator.locator(f"tr[data-id='{runs[0]}'] a").first.click()
    expect(operator.get_by_label("Traceback", exact=True)).to_contain_text("holds no amount", timeout=PATIENCE_MS)

    operator.goto(f"{console.url}/tasks?state=failed&q=name:fails")
    operator.get_by_role("button", name="All that match").click()
    operator.get_by_text("Retry all that match").last.click()
    expect(operator.get_by_role("dialog")).to_contain_text("Retry all 5 that match?", timeout=PATIENCE_MS)
    confirm(operator)

    found = console.api("GET", "/api/runs", params={"q": "name:fails"}).json()
    wait_until(
        lambda: len(console.api("GET", "/api/runs", params={"q": "name:fails"}).json()["items"]) == 10,
        what=f"five new runs beside {len(found['items'])}",
        timeout_s=10,
    )


def test_a_stuck_task_shows_its_stack_and_is_stopped_hard(operator: Page, console: RunningApp) -> None:
    run_id = start(console, "does_not_listen", seconds=60)
    operator.goto(f"{console.url}/task?id={run_id}")
    operator.get_by_role("button", name="Cancel", exact=True).click(timeout=PATIENCE_MS)
    confirm(operator)
    expect(operator.get_by_role("button", name="Hard stop")).to_be_visible(timeout=PATIENCE_MS)

    operator.get_by_role("button", name="Show its stack").click()
    expect(operator.get_by_label("Stack", exact=True)).to_contain_text("does_not_listen", timeout=PATIENCE_MS)
    operator.get_by_role("button", name="Hard stop").click()
    confirm(operator, "it hangs")

    wait_until(lambda: state_of(console, run_id) in ("cancelled", "error"), what="the hard stop", timeout_s=15)


def test_a_closed_tab_ends_its_session_and_cancels_its_task(
    browser: Browser, operator: Page, console: RunningApp
) -> None:
    person = browser.new_context()
    tab = person.new_page()
    tab.goto(f"{console.url}/patterns_parallelism")
    tab.get_by_role("button", name="Wait for replies (network)").click(timeout=PATIENCE_MS)
    operator.goto(f"{console.url}/tasks?state=running&q=name:wait_for_replies")
    expect(operator.locator(".oc-table tbody tr").first).to_be_visible(timeout=PATIENCE_MS)
    run_id = operator.locator(".oc-table tbody tr").first.get_attribute("data-id") or ""

    tab.close()

    wait_until(lambda: state_of(console, run_id) == "cancelled", what="the cancel by the session's end", timeout_s=12)
    operator.goto(f"{console.url}/task?id={run_id}")
    expect(operator.locator(".stMain")).to_contain_text("session ended", timeout=PATIENCE_MS)
    person.close()


def test_another_browser_appears_is_ended_and_told_so(browser: Browser, operator: Page, console: RunningApp) -> None:
    operator.goto(f"{console.url}/sessions")
    expect(operator.locator(".oc-fresh").first).to_be_visible(timeout=PATIENCE_MS)
    person = browser.new_context(user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0")
    tab = person.new_page()
    tab.goto(f"{console.url}/patterns_initialization")
    row = operator.locator(".oc-table tbody tr", has_text="Firefox")
    expect(row).to_be_visible(timeout=PATIENCE_MS)

    row.get_by_role("button", name="End").click()
    confirm(operator, "maintenance")

    expect(tab.locator("body")).to_contain_text("operator", timeout=PATIENCE_MS)
    person.close()


def test_a_viewer_sees_everything_and_finds_every_button_off(viewer: Page, console: RunningApp) -> None:
    run_id = start(console, "works", seconds=20)
    viewer.goto(f"{console.url}/tasks?state=running&q=name:works")
    button = viewer.locator(f"tr[data-id='{run_id}']").get_by_role("button", name="Cancel")
    expect(button).to_be_disabled(timeout=PATIENCE_MS)

    # somebody who takes the "disabled" away and clicks all the same
    button.evaluate("node => { node.disabled = false; node.click(); }")
    dialog = viewer.get_by_role("dialog")
    expect(dialog).to_contain_text("only operators", timeout=PATIENCE_MS)
    expect(viewer.locator(".st-key-oc_confirm button")).to_be_disabled()

    assert state_of(console, run_id) == "running"
    console.api("POST", f"/api/runs/{run_id}/cancel", json={})
