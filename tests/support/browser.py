"""A real browser: the system's Chromium, headless, driven by playwright.

with open_browser() as browser:
    page = browser.new_page()
    page.goto(app.url)
"""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.support.tools import need_tool

#: No sandbox (containers run as root), no GPU, and nothing that talks to anybody but the page's own server.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_browser(*extra_flags: str) -> Iterator[Browser]:
    """Start Chromium and end it again. One test module should share one browser and open contexts of its own."""
    executable = need_tool("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=[*FLAGS, *extra_flags])
        try:
            yield browser
        finally:
            browser.close()
