"""What operators come for, clicked in a real browser through nginx."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from octostar_runtime.testing import wait_until
from tests.real.console.conftest import PATIENCE_MS, confirm, start, state_of, stuck_run
from tests.support.contrast import faint_texts
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient

pytestmark = pytest.mark.real
PAGES = ["", "sessions", "tasks", "pool", "nodes", "idle", "history", "system", "task"]
EDGE = "x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prey:
    """What a viewer would like to get at: ids of runs, and how the page names a session."""

    working: str
    stuck: str
    person: str


def test_a_stranger_on_any_page_is_sent_the_sign_in_and_no_data(console: RunningApp) -> None:
    for address in PAGES:  # each a new session
        with StreamlitClient(console.url, page=address, headers={"Origin": console.url}, timeout_s=20) as stranger:
            assert stranger.shows("Sign in to the console"), address
            sent = "".join(str(element) for element in stranger.elements())
            assert not [
                name for name in ('class="oc-tile', 'class="oc-tabs', 'class="oc-fresh', "oc_tasks") if name in sent
            ], address


@pytest.mark.timeout(180)
@pytest.mark.parametrize("theme", ["dark"])
def test_a_deep_link_opens_its_page_in_the_frame(operator: Page, console: RunningApp) -> None:
    for address in PAGES:
        operator.goto(f"{console.url}/{address}")
        expect(operator.locator(".oc-fresh").first).to_contain_text("Updated", timeout=PATIENCE_MS)
        expect(operator.get_by_test_id("stSidebarNav")).to_contain_text("Idle shutdown")
        assert operator.get_by_test_id("stException").count() == 0, address
        assert faint_texts(operator) == [], address


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


@pytest.mark.parametrize(
    ("theme", "function", "error", "words"),
    [("light", "fails", "ValueError", "holds no amount"), ("dark", "loses", "LookupError", "is not there")],
)
def test_a_failing_group_is_found_read_and_retried_as_a_whole(
    operator: Page, console: RunningApp, function: str, error: str, words: str
) -> None:
    runs = [start(console, function, number=number) for number in range(5)]
    for run_id in runs:
        wait_until(lambda run_id=run_id: state_of(console, run_id) == "error", what="the failure", timeout_s=15)  # type: ignore[misc]

    operator.goto(f"{console.url}/tasks?group=error")
    operator.get_by_role("link", name=error).click()
    expect(operator).to_have_url(re.compile(f"error%3A{error}"), timeout=PATIENCE_MS)
    operator.locator(f"tr[data-id='{runs[0]}'] a").first.click()
    expect(operator.get_by_label("Traceback", exact=True)).to_contain_text(words, timeout=PATIENCE_MS)
    assert faint_texts(operator) == []

    operator.goto(f"{console.url}/tasks?state=failed&q=name:{function}")
    operator.get_by_role("button", name="All that match").click()
    operator.get_by_text("Retry all that match").last.click()
    expect(operator.get_by_role("dialog")).to_contain_text("Retry all 5 that match?", timeout=PATIENCE_MS)
    confirm(operator)

    wait_until(lambda: len(of_name(console, function)) == 10, what="as many new runs", timeout_s=15)


def of_name(console: RunningApp, name: str) -> list[str]:
    """Return the states of the runs of that name."""
    found = console.api("GET", "/api/runs", params={"q": f"name:{name}", "limit": 100}).json()["items"]
    return [run["state"] for run in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_stuck_task_shows_its_stack_and_is_stopped_hard(operator: Page, console: RunningApp) -> None:
    run_id = start(console, "does_not_listen", seconds=60)
    operator.goto(f"{console.url}/task?id={run_id}")
    operator.get_by_role("button", name="Cancel", exact=True).click(timeout=PATIENCE_MS)
    confirm(operator)
    expect(operator.get_by_role("button", name="Hard stop")).to_be_visible(timeout=PATIENCE_MS)

    operator.get_by_role("button", name="Show its stack").click()
    expect(operator.get_by_label("Stack", exact=True)).to_contain_text("does_not_listen", timeout=PATIENCE_MS)
    assert faint_texts(operator) == []
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_another_browser_appears_is_ended_and_told_so(
    browser: Browser, operator: Page, console: RunningApp, theme: str
) -> None:
    operator.goto(f"{console.url}/sessions")
    expect(operator.locator(".oc-fresh").first).to_be_visible(timeout=PATIENCE_MS)
    name, agent = {"light": ("Firefox", "rv:141.0) Gecko/20100101 Firefox/141.0"), "dark": ("Edge", EDGE)}[theme]
    person = browser.new_context(user_agent=f"Mozilla/5.0 (X11; Linux x86_64; {agent}")
    tab = person.new_page()
    tab.goto(f"{console.url}/patterns_initialization")
    row = operator.locator(".oc-table tbody tr", has_text=name)
    expect(row).to_be_visible(timeout=PATIENCE_MS)

    row.get_by_role("button", name="End").click()
    confirm(operator, "maintenance")

    expect(tab.locator("body")).to_contain_text("operator", timeout=PATIENCE_MS)
    person.close()


@pytest.mark.parametrize("theme", ["dark"])  # in the light: tests/real/idle/test_page.py
def test_the_policy_is_changed_and_its_card_and_the_history_say_so(operator: Page, console: RunningApp) -> None:
    quiet = "40 min"
    before = console.api("GET", "/api/policy").json()["version"]
    operator.goto(f"{console.url}/idle?tab=policy")
    expect(operator.locator(".oc-fresh").first).to_contain_text("Updated", timeout=PATIENCE_MS)  # drawn to its end
    assert faint_texts(operator) == []
    for label, text in (("ui", quiet), ("Reason (optional)", f"evenings of {quiet}")):
        field = operator.get_by_label(label, exact=True)
        field.fill(text)
        field.press("Tab")
    operator.get_by_role("button", name="Save the policy").click()
    expect(operator.get_by_test_id("stToast").first).to_contain_text(f"Version {before + 1}", timeout=PATIENCE_MS)

    operator.locator(".oc-tabs a", has_text="Services").click()
    card = operator.locator(".oc-card", has=operator.locator("b:text-is('ui')"))
    expect(card).to_contain_text(f"{quiet} of quiet", timeout=PATIENCE_MS)
    operator.get_by_role("link", name="History").click()
    operator.locator(".oc-tabs a", has_text="By operators").click()
    expect(operator.locator(".oc-table tbody tr").first).to_contain_text(f"evenings of {quiet}", timeout=PATIENCE_MS)


def test_a_quiet_time_is_tried_on_the_recorded_use_and_put_in_force(operator: Page, console: RunningApp) -> None:
    before = console.api("GET", "/api/policy").json()
    with StreamlitClient(console.url, headers={"Origin": console.url}, timeout_s=20) as person:
        person.go("patterns_initialization")  # somebody to have been there
        operator.goto(f"{console.url}/idle?tab=whatif")
        slider = operator.get_by_role("slider", name="Stop it after it was quiet for")
        expect(slider).to_be_visible(timeout=PATIENCE_MS)
    button = operator.get_by_role("button", name=re.compile("^Use .* for ui$"))
    expect(button).to_be_disabled()  # what is in force
    slider.press("ArrowRight")
    expect(button).to_be_enabled(timeout=PATIENCE_MS)
    chosen = (slider.get_attribute("aria-valuetext") or "").strip()
    expect(button).to_have_text(f"Use {chosen} for ui")
    button.click()

    expect(operator.get_by_test_id("stToast").first).to_contain_text(
        f"Version {before['version'] + 1}", timeout=PATIENCE_MS
    )
    expect(button).to_be_disabled(timeout=PATIENCE_MS)
    operator.locator(".oc-tabs a", has_text="Services").click()
    card = operator.locator(".oc-card", has=operator.locator("b:text-is('ui')"))
    expect(card).to_contain_text(f"{chosen} of quiet", timeout=PATIENCE_MS)
    after = console.api("GET", "/api/policy").json()
    assert after["version"] == before["version"] + 1


@pytest.fixture
def prey(console: RunningApp) -> Iterator[Prey]:
    """What a viewer will find and can do nothing to: a task at work, a stuck one, and a person."""
    stuck, working = stuck_run(console), start(console, "works", seconds=120)
    with StreamlitClient(console.url, headers={"Origin": console.url}, timeout_s=20) as person:
        person.go("patterns_initialization")
        yield Prey(working=working, stuck=stuck, person=person.session_id[:13])
    console.api("POST", f"/api/runs/{working}/cancel", json={})
    console.api("POST", f"/api/runs/{stuck}/hard-stop", json={})


#: In one step: a refresh may draw the button anew at any moment.
_FORCE = "css => { const node = document.querySelector(css); node.disabled = false; node.click(); }"


def test_a_viewer_sees_everything_and_finds_every_button_off(viewer: Page, console: RunningApp, prey: Prey) -> None:
    version = console.api("GET", "/api/policy").json()["version"]
    found = [
        ("tasks?state=running&q=name:works", f"tr[data-id='{prey.working}'] [data-does=cancel]"),
        (f"task?id={prey.stuck}", "[data-act=hard_stop]"),
        (f"sessions?who=all&q={prey.person}", f"tr[data-id='{prey.person}'] [data-does=end]"),
    ]
    for address, button in found:
        viewer.goto(f"{console.url}/{address}")
        expect(viewer.locator(f":root.oc-ready {button}")).to_be_disabled(timeout=PATIENCE_MS)
        if address.startswith("tasks"):
            expect(viewer.get_by_role("button", name="All that match")).to_be_disabled(timeout=PATIENCE_MS)

        # somebody who takes the "disabled" away and clicks all the same
        viewer.evaluate(_FORCE, button)
        expect(viewer.get_by_role("dialog")).to_contain_text("only operators", timeout=PATIENCE_MS)
        expect(viewer.locator(".st-key-oc_confirm button")).to_be_disabled()
    viewer.goto(f"{console.url}/sessions?who=all&open={prey.person}")  # to look is allowed
    viewer.get_by_role("button", name="Measure memory").click(timeout=PATIENCE_MS)
    held = viewer.get_by_text("Its state holds about")
    expect(held).to_be_visible(timeout=PATIENCE_MS)
    viewer.wait_for_timeout(5_000)  # two refreshes
    expect(held).to_be_visible()
    viewer.goto(f"{console.url}/idle?tab=policy")
    expect(viewer.get_by_role("button", name="Save the policy")).to_be_disabled(timeout=PATIENCE_MS)

    assert [state_of(console, run) for run in (prey.working, prey.stuck)] == ["running", "cancelling"]
    assert console.api("GET", "/api/policy").json()["version"] == version


def test_the_keyboard_finds_refreshes_helps_and_jumps(operator: Page, console: RunningApp) -> None:
    operator.context.add_cookies([{"name": "octostar_console", "value": "Off.relative", "url": console.url}])
    operator.goto(f"{console.url}/tasks")
    updated = operator.locator(".oc-fresh").first
    expect(updated).to_contain_text(re.compile(r"Updated \d"), timeout=PATIENCE_MS)
    shown = updated.inner_text()
    operator.wait_for_timeout(1_500)
    assert updated.inner_text() == shown  # switched off: it stands still
    operator.keyboard.press("r")
    expect(updated).not_to_have_text(shown, timeout=PATIENCE_MS)

    operator.keyboard.press("/")
    search = operator.get_by_label("Search", exact=True)
    expect(search).to_be_focused(timeout=PATIENCE_MS)
    operator.keyboard.type("r?gs")  # letters now, not keys
    expect(search).to_have_value("r?gs")
    assert operator.get_by_role("dialog").count() == 0
    search.fill("")
    operator.locator(".oc-title").first.click()

    operator.keyboard.press("?")
    expect(operator.get_by_role("dialog")).to_contain_text("go to the search box", timeout=PATIENCE_MS)
    operator.keyboard.press("Escape")
    expect(operator.get_by_role("dialog")).to_have_count(0, timeout=PATIENCE_MS)
    operator.keyboard.press("g")
    operator.keyboard.press("s")
    expect(operator).to_have_url(re.compile("/sessions"), timeout=PATIENCE_MS)
