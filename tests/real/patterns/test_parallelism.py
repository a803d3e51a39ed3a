"""The Parallelism page in real browsers: partial results, cancel, two people at once, and what a closed tab leaves."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.real.patterns.conftest import HERE
from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = pytest.mark.real
ROWS = re.compile(r"([\d,]+) rows · (\w+)")


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    env = {"PYTHONPATH": str(ROOT), "OCTOSTAR_SESSION_END_AFTER_S": "3"}
    with StreamlitServer(HERE / "patterns_app.py", env=env, options={"server.disconnectedSessionTTL": 3}) as server:
        yield server.url


def person(browser: Browser, app: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(f"{app}/parallelism")
    expect(page.get_by_role("heading", name="Parallelism and user sessions")).to_be_visible(timeout=30_000)
    return page


def test_a_profile_grows_and_stops_within_a_chunk_when_cancelled(browser: Browser, app: str) -> None:
    page = person(browser, app)
    page.get_by_role("button", name="Profile it").click()
    expect(page.get_by_text(re.compile(r"[1-9][\d,]* rows · running"))).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Cancel", exact=True).click()
    ended = page.get_by_text(re.compile(r"rows · cancelled"))
    expect(ended).to_be_visible(timeout=5_000)
    found = ROWS.search(ended.inner_text())
    assert found is not None
    assert 0 < int(found[1].replace(",", "")) < 1_000_000
    page.context.close()


def test_a_profile_runs_to_its_end(browser: Browser, app: str) -> None:
    page = person(browser, app)
    page.get_by_role("button", name="Profile it").click()
    expect(page.get_by_text("1,000,000 rows · done")).to_be_visible(timeout=45_000)
    page.context.close()


def test_two_people_see_only_their_own_work_and_the_service_counts_both(browser: Browser, app: str) -> None:
    ada, ben = person(browser, app), person(browser, app)
    sessions = ben.get_by_test_id("stMetric").filter(has_text="Sessions of this page")
    # those of the tests before have to end first
    expect(sessions.get_by_text("2", exact=True)).to_be_visible(timeout=20_000)
    ada.get_by_role("button", name="Twenty at once").click()
    expect(ada.get_by_role("button", name=re.compile("Cancel all"))).to_be_visible(timeout=10_000)
    ben.get_by_role("button", name="Start as a task").click()
    expect(ben.get_by_text(re.compile(r"Running: \d+ of 40 replies"))).to_be_visible(timeout=10_000)
    expect(ben.get_by_role("button", name=re.compile("Cancel all"))).to_have_count(0)
    ada.context.close()
    ben.context.close()


def test_a_closed_tab_counts_no_longer(browser: Browser, app: str) -> None:
    ada, ben = person(browser, app), person(browser, app)
    ada.get_by_role("button", name="Profile it").click()
    expect(ada.get_by_text(re.compile("rows · running"))).to_be_visible(timeout=15_000)
    ada.context.close()
    sessions = ben.get_by_test_id("stMetric").filter(has_text="Sessions of this page")
    expect(sessions.get_by_text("1", exact=True)).to_be_visible(timeout=20_000)
    ben.context.close()


def test_work_in_the_script_dies_with_the_next_click(browser: Browser, app: str) -> None:
    page = person(browser, app)
    page.get_by_role("button", name="Start in the script").click()
    expect(page.get_by_text(re.compile(r"Step [3-9] of 40"))).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Click anything else").click()
    expect(page.get_by_text(re.compile(r"The next click ended it at step \d+ of 40"))).to_be_visible(timeout=10_000)
    page.context.close()
