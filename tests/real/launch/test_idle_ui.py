"""The UI stopped by its supervisor and opened again through nginx, with the real API in between."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from octostar_runtime.testing import wait_until
from tests.support.processes import family, pss_bytes
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient

pytestmark = [pytest.mark.real, pytest.mark.timeout(150)]
TINY = Path(__file__).parent / "tiny_app" / "app.py"
PERSON = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningApp]:
    with RunningApp() as app:
        # a slow machine needs longer than the 10 s after which people get the waiting page
        document = {"wake_page_after": 55, "wake_hold_max": 55}
        saved = app.api("PUT", "/api/policy", json={"version": 0, "policy": document})
        assert saved.status_code == 200, saved.text
        yield app


@pytest.fixture
def asleep(running: RunningApp) -> RunningApp:
    """A console whose UI an operator has stopped."""
    stop_ui(running)
    return running


def stop_ui(app: RunningApp) -> None:
    if app.pid_of("ui") == 0:
        return
    answer = app.api("POST", "/api/services/ui/stop", json={"reason": "a test", "force": True})
    assert answer.status_code < 300, answer.text
    wait_until(lambda: app.pid_of("ui") == 0, timeout_s=30, what="the end of the UI")


def spawns(app: RunningApp) -> int:
    return app.log("supervisord").count("spawned: 'ui'")


def test_opening_a_deep_link_starts_the_ui_and_shows_that_page(asleep: RunningApp) -> None:
    before = spawns(asleep)
    answer = asleep.get("/tasks", headers=PERSON)
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]
    with StreamlitClient(asleep.url, page="tasks") as client:
        assert client.page.exceptions == []
        # the entry script ran, not the page alone: only it knows all pages
        assert {"sessions", "tasks", "pool", "idle"} <= set(client.page.app_pages)
    assert spawns(asleep) == before + 1


def test_mode_10_forty_cold_requests_at_once_make_one_start(asleep: RunningApp) -> None:
    before = spawns(asleep)
    with ThreadPoolExecutor(40) as crowd:
        answers = list(crowd.map(lambda _: asleep.get("/", headers=PERSON, timeout=90), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert spawns(asleep) == before + 1


def test_a_stopped_ui_gives_its_memory_back(running: RunningApp) -> None:
    before = pss_bytes(family(running.pid))
    stop_ui(running)
    after = pss_bytes(family(running.pid))
    assert after / before <= 0.6  # the bound proper is the benchmark's; here only that memory really returns
    assert running.get("/api/health").status_code == 200


def test_mode_22_an_open_tab_never_starts_what_was_stopped(running: RunningApp, browser: Browser) -> None:
    running.get("/", headers=PERSON)
    context = browser.new_context()
    try:
        page = context.new_page()
        page.clock.install()
        page.goto(running.url)
        page.wait_for_selector("[data-testid=stApp]", timeout=30_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        stop_ui(running)
        before = spawns(running)
        for _ in range(60):  # three minutes of the tab's own time: its timers are moved on, its requests are real
            page.clock.run_for(3_000)
            page.wait_for_timeout(50)
        assert sum("/_stcore/" in url for url in asked) >= 30
        assert spawns(running) == before
        assert running.pid_of("ui") == 0
    finally:
        context.close()


def test_a_person_who_opens_the_address_sees_the_console_come_up(asleep: RunningApp, browser: Browser) -> None:
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(asleep.url, timeout=60_000)
        page.wait_for_selector("[data-testid=stApp]", timeout=60_000)
    finally:
        context.close()
