"""A click is never lost, whatever refreshes at that moment: in a real browser, on a page that refreshes each second.

Buttons of the live part are drawn anew by refreshes; a hand that presses one takes a tenth of a second and more until
it lets go.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ElementHandle, Locator, Page, expect

from octostar_runtime.testing import wait_until
from tests.real.console.conftest import browser_of, start, state_of
from tests.support.running_app import RunningApp

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
CLICKS = 20
PATIENCE_MS = 60_000  # of a machine that is busy with other things, too


@pytest.fixture
def busy(browser: Browser, console: RunningApp) -> Iterator[Page]:
    """An operator's page that refreshes each second."""
    context = browser_of(browser, console, console.admin_cookie)  # type: ignore[attr-defined]
    context.add_cookies([{"name": "octostar_console", "value": "1s.relative", "url": console.url}])
    yield context.new_page()
    context.close()


def dialog_opens(page: Page) -> None:
    expect(page.locator(".st-key-oc_back button")).to_be_visible(timeout=PATIENCE_MS)


def go_back(page: Page) -> None:
    page.locator(".st-key-oc_back button").click(timeout=PATIENCE_MS)  # off while the connection is made anew
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=PATIENCE_MS)


def middle(button: Locator) -> tuple[float, float]:
    box = wait_until(button.bounding_box, what="the button, which is being drawn anew", timeout_s=60)
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def aim(page: Page, button: Locator) -> None:
    """Bring the mouse over a button that takes presses; raw ones are not held back while the page is set up."""

    def over() -> bool:
        x, y = middle(button)
        page.mouse.move(x, y)
        return bool(page.evaluate(_TAKES_PRESSES, [x, y]))

    wait_until(over, what="the mouse over a button that takes presses", timeout_s=60)


_TAKES_PRESSES = """([x, y]) =>
    document.documentElement.classList.contains("oc-ready") &&
    document.elementFromPoint(x, y)?.closest(".oc-act") != null
"""


def drawn_anew(node: ElementHandle) -> bool:
    return not node.evaluate("node => node.isConnected")


def test_every_click_opens_its_dialog_while_the_page_refreshes(busy: Page, console: RunningApp) -> None:
    busy.goto(f"{console.url}/idle")
    button = busy.locator(".oc-act", has_text="Keep everything awake").first

    for number in range(CLICKS):
        if number % 12 == 11:  # also right after the page was drawn, again and from its beginning
            busy.reload()
        elif number % 8 == 3:
            expect(button).to_be_visible(timeout=PATIENCE_MS)
            for _ in range(4):
                busy.keyboard.press("r")
        button.click(timeout=PATIENCE_MS)
        dialog_opens(busy)
        go_back(busy)


def test_a_button_that_is_drawn_anew_between_press_and_release_still_does_its_work(
    busy: Page, console: RunningApp
) -> None:
    busy.goto(f"{console.url}/idle")
    button = busy.locator(".oc-act", has_text="Keep everything awake").first
    expect(button).to_be_enabled(timeout=PATIENCE_MS)
    for _ in range(2):
        aim(busy, button)
        pressed = button.element_handle()
        assert pressed
        busy.mouse.down()
        wait_until(lambda node=pressed: drawn_anew(node), what="the refresh under the hand", timeout_s=60)  # type: ignore[misc]
        busy.mouse.up()
        dialog_opens(busy)
        go_back(busy)


def test_who_lets_go_elsewhere_has_pressed_nothing(busy: Page, console: RunningApp) -> None:
    busy.goto(f"{console.url}/idle")
    button = busy.locator(".oc-act", has_text="Keep everything awake").first
    expect(button).to_be_enabled(timeout=PATIENCE_MS)
    aim(busy, button)
    busy.mouse.down()
    busy.mouse.move(400, 12)
    busy.mouse.up()
    button.click()
    dialog_opens(busy)  # the one that was asked for now; one more would have closed the page's frame under it
    assert busy.get_by_role("dialog").count() == 1


def test_a_row_stays_under_the_finger_and_the_click_is_about_it(busy: Page, console: RunningApp) -> None:
    run_id = start(console, "works", seconds=240)
    busy.goto(f"{console.url}/tasks?state=running&q=name:works")
    row = busy.locator(f"tr[data-id='{run_id}']")
    cancel = row.get_by_role("button", name="Cancel")
    expect(cancel).to_be_enabled(timeout=PATIENCE_MS)
    aim(busy, cancel)
    busy.mouse.down()
    newer = start(console, "works", seconds=240)  # comes first in the list, and moves the others down
    fresh = busy.locator(f"tr[data-id='{newer}']")
    busy.wait_for_timeout(1_100)
    busy.mouse.up()
    dialog_opens(busy)

    # the page stands still while the question is open: a third one does not show until it is answered
    third = start(console, "works", seconds=240)
    busy.wait_for_timeout(1_500)
    assert busy.locator(f"tr[data-id='{third}']").count() == 0
    busy.locator(".st-key-oc_confirm button").click()
    wait_until(lambda: state_of(console, run_id) == "cancelled", what="the cancel", timeout_s=60)
    expect(busy.locator(f"tr[data-id='{third}']")).to_be_visible(timeout=PATIENCE_MS)
    expect(fresh).to_be_visible(timeout=PATIENCE_MS)
    assert [state_of(console, one) for one in (newer, third)] == ["running", "running"]
    for one in (newer, third):
        console.api("POST", f"/api/runs/{one}/cancel", json={})


def test_the_keyboard_keeps_its_place_while_rows_change(busy: Page, console: RunningApp) -> None:
    run_id = start(console, "works", seconds=240)
    busy.goto(f"{console.url}/tasks?state=running&q=name:works")
    cancel = busy.locator(f"tr[data-id='{run_id}']").get_by_role("button", name="Cancel")
    cancel.focus(timeout=PATIENCE_MS)
    focused = cancel.element_handle()
    assert focused
    wait_until(lambda: drawn_anew(focused), what="progress that draws the row anew", timeout_s=60)
    wait_until(lambda: busy.evaluate("document.activeElement?.textContent") == "Cancel", what="the focus", timeout_s=30)
    busy.keyboard.press("Enter")
    dialog_opens(busy)
    busy.locator(".st-key-oc_confirm button").click()
    wait_until(lambda: state_of(console, run_id) == "cancelled", what="the cancel", timeout_s=60)


def test_a_double_click_on_yes_does_it_once(busy: Page, console: RunningApp) -> None:
    run_id = start(console, "trips")
    wait_until(lambda: state_of(console, run_id) == "error", what="the failure", timeout_s=30)
    busy.goto(f"{console.url}/task?id={run_id}")
    busy.get_by_role("button", name="Retry", exact=True).click(timeout=PATIENCE_MS)
    dialog_opens(busy)

    busy.locator(".st-key-oc_confirm button").dblclick()

    expect(busy.get_by_test_id("stToast").first).to_contain_text("1 queued again", timeout=PATIENCE_MS)
    expect(busy.get_by_role("dialog")).to_have_count(0, timeout=PATIENCE_MS)
    found = console.api("GET", "/api/runs", params={"q": "name:trips", "limit": 100}).json()["items"]
    assert len([run for run in found if run["retry_of"] == run_id]) == 1
