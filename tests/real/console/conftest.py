"""One deployment behind nginx for all journeys, and people with their own browsers in it."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from octostar_runtime.testing import wait_until
from tests.support.contrast import faint_texts
from tests.support.running_app import RunningApp
from tests.support.streamlit_server import ROOT

PATIENCE_MS = 20_000


@pytest.fixture(scope="package")
def console() -> Iterator[RunningApp]:
    """The whole console; a session ends 3 s after its tab, a task is stuck 1 s after it was asked to stop."""
    env = {
        "PYTHONPATH": str(ROOT),
        "OCTOSTAR_FUNCTIONS": "tests.real.console.work",
        "OCTOSTAR_SESSION_END_AFTER_S": "3",
        "OCTOSTAR_STUCK_AFTER_S": "1",
    }
    with RunningApp(env=env) as app:
        app.admin_cookie = app.sign_in()  # type: ignore[attr-defined]
        yield app


def browser_of(browser: Browser, console: RunningApp, cookie: str, *, dark: bool = False) -> BrowserContext:
    """Return a browser that is signed in with ``cookie``."""
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    name, _, value = cookie.partition("=")
    context.add_cookies([{"name": name, "value": value.split(";")[0], "url": console.url}])
    return context


@pytest.fixture
def theme() -> str:
    """Return what the operator's system prefers; a test that parametrizes it runs in the others too."""
    return "light"


@pytest.fixture
def operator(browser: Browser, console: RunningApp, theme: str) -> Iterator[Page]:
    """A page of somebody who may do everything."""
    cookie: str = console.admin_cookie  # type: ignore[attr-defined]
    context = browser_of(browser, console, cookie, dark=theme == "dark")
    yield context.new_page()
    context.close()


@pytest.fixture
def viewer(browser: Browser, console: RunningApp) -> Iterator[Page]:
    """A page of somebody who may only look."""
    context = browser_of(browser, console, viewer_cookie(console))
    yield context.new_page()
    context.close()


def viewer_cookie(console: RunningApp) -> str:
    """Sign a viewer in with a link that the admin made."""
    import httpx

    made = console.api("POST", "/api/sign-in-links", json={"name": "vera", "role": "viewer"})
    assert made.status_code < 300, made.text
    secret = made.json()["path"].rpartition("link=")[2]
    with httpx.Client() as client:
        client.post(f"{console.url}/api/sign-in", json={"link": secret})
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def start(console: RunningApp, function: str, **arguments: object) -> str:
    """Run a function as a task and return its run id."""
    answer = console.api("POST", f"/api/functions/{function}", json=arguments)
    assert answer.status_code == 202, answer.text
    return answer.headers["location"].rpartition("/")[2]


def stuck_run(console: RunningApp) -> str:
    """Return a run that was asked to stop while it ran and does not listen; one still queued would end at once."""
    run_id = start(console, "does_not_listen", seconds=120)
    wait_until(lambda: state_of(console, run_id) == "running", what="the start", timeout_s=30)
    console.api("POST", f"/api/runs/{run_id}/cancel", json={})
    wait_until(lambda: console.api("GET", f"/api/runs/{run_id}").json()["stuck"], what="the stuck task", timeout_s=30)
    return run_id


def state_of(console: RunningApp, run_id: str) -> str:
    """Return a run's state as the API tells it."""
    return str(console.api("GET", f"/api/runs/{run_id}").json()["state"])


def confirm(page: Page, reason: str = "") -> None:
    """Confirm the open dialog."""
    dialog = page.get_by_role("dialog")
    expect(page.locator(".st-key-oc_confirm button")).to_be_visible(timeout=PATIENCE_MS)
    assert faint_texts(page) == []
    if reason:
        dialog.get_by_label("Reason (optional)").fill(reason)
        dialog.get_by_label("Reason (optional)").press("Tab")
    page.locator(".st-key-oc_confirm button").click()
    expect(page.get_by_test_id("stToast").first).to_be_visible(timeout=PATIENCE_MS)
