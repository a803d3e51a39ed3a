"""The console inside a page of another site: signed in there only where the settings say so."""

import http.server
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.real.console.conftest import PATIENCE_MS, browser_of
from tests.support.running_app import RunningApp

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


class OtherSite(http.server.BaseHTTPRequestHandler):
    """A page with a frame that shows the address it is given."""

    def do_GET(self) -> None:
        (shown,) = parse_qs(urlsplit(self.path).query).get("src", ["about:blank"])
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<iframe src="{shown}" width="1200" height="800"></iframe>'.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def other_site() -> Iterator[str]:
    """The address of another site: to a browser "localhost" and "127.0.0.1" have nothing to do with each other."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_where_the_settings_say_so_a_sign_in_in_the_frame_works_and_lasts(browser: Browser, other_site: str) -> None:
    with RunningApp(nginx=False, env={"OCTOSTAR_COOKIE_CROSS_SITE": "true"}) as app:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{other_site}/?src={quote(app.sign_in_link, safe='')}")
        inside = page.frame_locator("iframe")
        expect(inside.get_by_text("People connected").first).to_be_visible(timeout=PATIENCE_MS)

        # the cookie alone, in a page that is loaded anew
        page.goto(f"{other_site}/?src={quote(app.url + '/sessions', safe='')}")
        expect(inside.locator(".oc-fresh").first).to_contain_text("Updated", timeout=PATIENCE_MS)
        me = page.frames[1].evaluate("fetch('./api/me').then((answer) => answer.json())")
        assert me["role"] == "admin"
        (cookie,) = [one for one in context.cookies() if one["name"] == "octostar_signin"]
        assert (cookie["sameSite"], cookie["secure"], cookie["httpOnly"]) == ("None", True, True)
        context.close()


def test_elsewhere_another_sites_frame_is_a_stranger(browser: Browser, console: RunningApp, other_site: str) -> None:
    context = browser_of(browser, console, console.admin_cookie)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(f"{other_site}/?src={quote(console.url + '/sessions', safe='')}")
    inside = page.frame_locator("iframe")
    expect(inside.get_by_text("Sign in to the console")).to_be_visible(timeout=PATIENCE_MS)
    context.close()
