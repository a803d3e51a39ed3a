"""The Idle shutdown page and the banner that users see, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from octostar_runtime.testing import wait_until
from tests.real.idle.conftest import Console

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
PATIENCE_MS = 30_000


@pytest.fixture
def operator(browser: Browser, console: Console) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    name, _, value = console.admin_cookie.partition("=")  # type: ignore[attr-defined]
    context.add_cookies([{"name": name, "value": value.split(";")[0], "url": console.url}])
    yield context.new_page()
    context.close()


@pytest.fixture
def user(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def open_page(page: Page, console: Console, tab: str = "") -> None:
    """Open the page and wait until it is drawn to its end: what is typed before is lost to the next drawing."""
    page.goto(f"{console.url}/idle?tab={tab}", timeout=90_000)
    expect(page.locator(".oc-fresh").first).to_contain_text("Updated", timeout=60_000)


def card(page: Page, name: str) -> Locator:
    return page.locator(".oc-card", has=page.locator(f"b:text-is('{name}')"))


def test_a_change_of_the_form_takes_effect_at_the_next_tick(operator: Page, console: Console) -> None:
    open_page(operator, console, "policy")
    field = operator.get_by_label("model", exact=True)
    field.fill("17 min")
    field.press("Tab")
    operator.get_by_role("button", name="Save the policy").click()
    wait_until(lambda: console.service("model")["idle_after_s"] == 17 * 60, timeout_s=15, what="the new time")

    # what cannot be understood is refused by the field's name, and the old one stays
    open_page(operator, console, "policy")
    version = console.api("GET", "/api/policy").json()["version"]
    field = operator.get_by_label("model", exact=True)
    expect(field).to_have_value("17 min", timeout=PATIENCE_MS)
    field.fill("soon")
    field.press("Tab")
    operator.get_by_role("button", name="Save the policy").click()
    expect(operator.locator(".oc-note.bad").first).to_contain_text("services: model: idle after", timeout=PATIENCE_MS)
    assert console.api("GET", "/api/policy").json()["version"] == version


def test_the_second_of_two_editors_is_told_and_nothing_is_lost(operator: Page, console: Console) -> None:
    open_page(operator, console, "policy")
    field = operator.get_by_label("People are warned before", exact=True)
    console.change_policy(lease_max=7200)  # somebody else, by the API
    field.fill("3 min")
    field.press("Tab")
    operator.get_by_role("button", name="Save the policy").click()
    expect(operator.locator(".oc-note").first).to_contain_text("saved", timeout=PATIENCE_MS)
    policy = console.api("GET", "/api/policy").json()["policy"]
    assert (policy["lease_max"], policy["warn_before"]) == (7200, 120)


def test_users_see_a_countdown_and_keep_it_awake_and_operators_see_by_whom(
    operator: Page, user: Page, console: Console
) -> None:
    user.goto(f"{console.url}/patterns_initialization")
    expect(user.get_by_role("heading", name="Initialization")).to_be_visible(timeout=PATIENCE_MS)
    own = console.api("GET", "/api/policy").json()["policy"]["services"]["model"]
    console.change_policy(
        warn_before=50, api_blocks=False, connected_blocks=False, services={"model": {**own, "idle_after": 52}}
    )
    banner = user.get_by_role("timer")
    expect(banner).to_contain_text("model is about to be stopped", timeout=PATIENCE_MS)
    first = banner.inner_text()
    wait_until(lambda: banner.inner_text() != first, timeout_s=10, what="the next second")
    open_page(operator, console)
    expect(card(operator, "model")).to_contain_text("It stops in", timeout=PATIENCE_MS)

    user.get_by_role("button", name="Keep it awake").click()
    expect(banner).to_have_count(0, timeout=PATIENCE_MS)
    wait_until(lambda: console.state("model") == "ready", timeout_s=10, what="the end of the countdown")
    (hold,) = console.api("GET", "/api/holds").json()
    assert hold["reason"] == "a user pressed keep awake"
    expect(card(operator, "model")).to_contain_text("Kept awake", timeout=PATIENCE_MS)
    assert console.told("service.stop_cancelled", "model")

    operator.get_by_role("button", name="Release").click()
    operator.locator(".st-key-oc_confirm button").click(timeout=PATIENCE_MS)
    wait_until(lambda: console.api("GET", "/api/holds").json() == [], timeout_s=15, what="the release")


def test_the_ui_stopped_from_its_own_page_comes_back_for_whoever_opens_it_and_the_history_tells(
    operator: Page, console: Console
) -> None:
    open_page(operator, console)
    card(operator, "ui").get_by_role("button", name="Stop now").click(timeout=PATIENCE_MS)
    reason = operator.get_by_label("Reason (optional)")
    reason.fill("saving memory", timeout=PATIENCE_MS)
    reason.press("Tab")
    wait_until(console.sees_only_observers, timeout_s=15, what="an operator who is known to be one")
    operator.locator(".st-key-oc_confirm button").click()
    wait_until(lambda: console.pid_of("ui") == 0, timeout_s=30, what="the end of the UI")
    wait_until(lambda: console.state("ui") == "stopped", timeout_s=10, what="the stop")
    before = console.spawns("ui")

    open_page(operator, console)
    lately = operator.locator(".oc-list").last
    expect(lately).to_contain_text("Service woken", timeout=60_000)
    expect(lately).to_contain_text("saving memory", timeout=PATIENCE_MS)
    assert console.spawns("ui") == before + 1
    (stopped, *_) = console.told("service.stopped", "ui")
    assert (stopped["reason"], stopped["data"]["was"]) == ("saving memory", "stopping")
