"""Signing in through an OpenID Connect provider or a trusted proxy, through nginx."""

import re
import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.real.console.conftest import PATIENCE_MS
from tests.support.openid_provider import OpenIdProvider
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
BUTTON = "Sign in with your organisation"


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as running:
        yield running


@pytest.fixture(scope="module")
def app(provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The whole console, started in a folder whose secrets name the provider."""
    folder = tmp_path_factory.mktemp("openid")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    roles = '{"group:ops": "operator", "claim:department=it": "admin"}'
    env = {"PYTHONPATH": str(ROOT), "OCTOSTAR_ROLES": roles, "OCTOSTAR_TRUSTED_PROXY": "127.0.0.1"}
    running = RunningApp(app=ROOT / "app.py", cwd=folder, env=env)
    (folder / ".streamlit" / "secrets.toml").write_text(provider.secrets(running.url))
    with running:
        yield running


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


def sign_in(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name=BUTTON).click(timeout=PATIENCE_MS)


def signed_in_as(page: Page, name: str) -> None:
    expect(page.locator(".st-key-oc_account")).to_contain_text(name, timeout=PATIENCE_MS)


def test_the_provider_opens_the_page_that_was_wanted_with_a_cookie_of_ours(
    person: BrowserContext, app: RunningApp, provider: OpenIdProvider
) -> None:
    provider.person = {"sub": "7", "email": "ada@example.org", "groups": ["ops"]}
    page = person.new_page()

    sign_in(page, f"{app.url}/tasks?state=failed")

    signed_in_as(page, "ada@example.org")
    expect(page).to_have_url(re.compile(r"/tasks\?state=failed$"))
    ours = next(cookie for cookie in person.cookies() if cookie["name"] == "octostar_signin")
    assert ours["httpOnly"]
    assert ours["sameSite"] == "Lax"
    told = app.get("/api/me", headers={"Cookie": f"octostar_signin={ours['value']}"}).json()
    assert (told["name"], told["role"], told["via"]) == ("ada@example.org", "operator", "oidc")
    page.reload()
    signed_in_as(page, "ada@example.org")


def test_signed_out_by_an_admin_means_to_ask_the_provider_again(
    person: BrowserContext, app: RunningApp, provider: OpenIdProvider
) -> None:
    provider.person = {"sub": "8", "email": "ben@example.org", "department": "it"}
    page = person.new_page()
    sign_in(page, app.url)
    signed_in_as(page, "ben@example.org")
    asked = provider.asked
    mine = [one for one in app.api("GET", "/api/sign-ins").json() if one["name"] == "ben@example.org"]
    assert [(one["role"], one["via"]) for one in mine] == [("admin", "oidc")]

    app.api("DELETE", f"/api/sign-ins/{mine[0]['sign_in_id']}")

    # Streamlit's own cookie is still there; it must not be enough, now or after a reload
    expect(page.get_by_text("Sign in to the console")).to_be_visible(timeout=PATIENCE_MS)
    page.reload()
    expect(page.get_by_role("button", name=BUTTON)).to_be_visible(timeout=PATIENCE_MS)
    assert provider.asked == asked


def test_signing_out_forgets_the_provider_too(
    person: BrowserContext, app: RunningApp, provider: OpenIdProvider
) -> None:
    provider.person = {"sub": "7", "email": "ada@example.org", "groups": ["ops"]}
    page = person.new_page()
    sign_in(page, app.url)
    signed_in_as(page, "ada@example.org")

    page.locator(".st-key-oc_account button").first.click()
    page.get_by_text("Sign out", exact=True).last.click()

    expect(page.get_by_role("button", name=BUTTON)).to_be_visible(timeout=PATIENCE_MS)
    deadline = time.monotonic() + PATIENCE_MS / 1000  # the browser is sent there and back to forget it
    while any(cookie["name"].startswith("_streamlit_user") for cookie in person.cookies()):
        assert time.monotonic() < deadline, "Streamlit's own cookie is still there"
        page.wait_for_timeout(100)


def test_a_trusted_proxys_word_counts_at_the_websocket_and_only_through_our_nginx(app: RunningApp) -> None:
    said = {"X-Forwarded-User": "olga@example.org", "X-Forwarded-Groups": "staff, ops", "Origin": app.url}
    with StreamlitClient(app.url, headers=said, timeout_s=30) as through:
        through.wait_for("People connected")
    for headers in (said, {**said, "X-Octostar-Edge": "guess", "X-Real-IP": "127.0.0.1"}):
        with StreamlitClient(app.ui_url, headers={**headers, "Origin": app.ui_url}, timeout_s=30) as around:
            around.wait_for("Sign in to the console")
            assert not around.shows("People connected")


def test_somebody_without_a_role_is_told_so(person: BrowserContext, app: RunningApp, provider: OpenIdProvider) -> None:
    provider.person = {"sub": "9", "email": "eve@example.org"}
    page = person.new_page()

    sign_in(page, app.url)

    expect(page.locator(".stMain")).to_contain_text("eve@example.org, but that name has no role", timeout=PATIENCE_MS)
    assert page.locator(".oc-tile").count() == 0
    expect(page.get_by_role("button", name="Sign in as somebody else")).to_be_visible()
