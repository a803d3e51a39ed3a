"""A real browser: the system's Chromium, headless, driven by playwright.

with open_browser() as browser:
    page = browser.new_page()
    page.goto(app.url)
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
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


@contextmanager
def another_chromium(browser: Browser, mark: str) -> Iterator[Browser]:
    """Start a second Chromium beside ``browser``, found among the processes by ``mark``, a flag that means nothing."""
    executable = need_tool("chromium", "chromium-browser", "google-chrome")
    another = browser.browser_type.launch(executable_path=executable, headless=True, args=[*FLAGS, mark])
    try:
        yield another
    finally:
        another.close()


@contextmanager
def all_stopped(mark: str) -> Iterator[None]:
    """Stop every process of the Chromium with that mark (SIGSTOP) until the block ends."""
    main = next(process for process in psutil.Process().children(recursive=True) if _has(process, mark))
    everyone = [main, *main.children(recursive=True)]
    try:
        for process in everyone:
            process.send_signal(signal.SIGSTOP)
        yield
    finally:
        for process in everyone:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def _has(process: psutil.Process, mark: str) -> bool:
    with suppress(psutil.Error):
        return mark in process.cmdline()
    return False
