"""What the real ones share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import open_browser


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; open a context (``browser.new_context()``) per person and close it.

    It is closed with this folder: its driver keeps an event loop running, which the tests of other folders, should any
    follow in the same process, could not live with.
    """
    with open_browser() as chromium:
        yield chromium
