"""One app and one local desktop for the whole module; a fresh browser tab for each test."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from octostar_runtime.desktop import DesktopServer
from tests.support.streamlit_server import ROOT, StreamlitServer

HERE = Path(__file__).parent


@dataclass
class Desk:
    """A browser tab with the local desktop, and the app inside it."""

    page: Page
    url: str
    app_url: str

    @property
    def app(self) -> FrameLocator:
        """The app inside its frame."""
        return self.page.frame_locator("#frame")

    def open(self, page: str = "first", **replies: object) -> None:
        """Load the desktop with that page of the app; ``replies`` say how it answers."""
        self.page.goto(f"{self.url}?{urlencode({'app': f'{self.app_url}/{page}', **replies})}")

    def go(self, page: str) -> None:
        """Change to another page of the app, as a person would."""
        self.app.get_by_role("link", name=page).click()
        expect(self.app.get_by_role("heading", name=page)).to_be_visible()

    def shows(self, text: str) -> None:
        """Wait until the app shows exactly that."""
        expect(self.app.get_by_text(text, exact=True)).to_be_visible(timeout=15_000)

    def answers(self, mode: str) -> None:
        """Change how the desktop answers from now on."""
        self.page.locator("#replies select").select_option(mode)

    def messages(self, topic: str) -> int:
        """How many messages of that topic the panel lists."""
        return self.page.locator(f'#messages li[data-topic="{topic}"]').count()


@pytest.fixture(scope="session")
def app_url() -> Iterator[str]:
    with StreamlitServer(HERE / "ask_app.py", env={"PYTHONPATH": str(ROOT)}) as server:
        yield server.url


@pytest.fixture
def desk(browser: Browser, app_url: str) -> Iterator[Desk]:
    with DesktopServer(f"{app_url}/first") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="desktop-server")
        thread.start()
        page = browser.new_page()
        try:
            yield Desk(page=page, url=server.url, app_url=app_url)
        finally:
            page.close()
            server.shutdown()
            thread.join()
