"""An app of streamlit-octostar-utils in real browsers, as it is and with its imports changed: people see the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(150)]
APP = Path(__file__).with_name("team_app.py").read_text()
SOON = 20_000


@pytest.fixture(scope="module", params=["streamlit_octostar_utils", "octostar_runtime"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("team") / "app.py"
    text = APP.replace("streamlit_octostar_utils", request.param)
    assert text.count(f"from {request.param}.threading") == 3
    script.write_text(text)
    env = {"PYTHONPATH": str(ROOT), "OCTOSTAR_SESSION_END_AFTER_S": "2", "OCTOSTAR_STATE_DIR": str(script.parent)}
    with StreamlitServer(script, env=env, cwd=script.parent, options={"server.disconnectedSessionTTL": 2}) as server:
        yield server.url


def visitor(browser: Browser, app: str, name: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(f"{app}/?me={name}")
    expect(page.get_by_text(f"registered: True, welcome {name}")).to_be_visible(timeout=SOON)
    return page


def press(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def shows(page: Page, text: str) -> None:
    # .first: while a run is under way the page may still show a line of the one before, further down
    expect(page.get_by_text(text).first).to_be_visible(timeout=SOON)


def test_every_call_of_both_modules_shows_the_same(browser: Browser, app: str) -> None:
    ada = visitor(browser, app, "ada")
    shows(ada, "count-ada: unknown")
    press(ada, "Submit count")
    shows(ada, "count-ada: busy (IN_PROGRESS)")
    shows(ada, "count-ada: SUCCESS 10, count-ada counted to 4")
    press(ada, "Submit fail")
    shows(ada, "fail-ada: ERROR 11, ValueError: no such column")
    press(ada, "Submit endless")
    shows(ada, "endless-ada: busy (IN_PROGRESS)")
    press(ada, "Cancel endless")
    shows(ada, "endless-ada: CANCELLED 12, None")
    shows(ada, "endless-ada was told to stop")
    press(ada, "Submit patient")
    shows(ada, "patient-ada: busy (IN_PROGRESS)")
    press(ada, "Cancel everything")
    shows(ada, "patient-ada: CANCELLED 12, working")
    shows(ada, "the heart beats")
    press(ada, "Try the rest")
    for line in (
        "one handler per type: True of 10",
        "joined: report counted to 2",
        "joined all: SUCCESS",
        "cancel of nothing: False",
        "a thread wrote for ada",
    ):
        shows(ada, line)
    ada.context.close()


def test_who_closes_the_tab_leaves_and_the_others_see_it(browser: Browser, app: str) -> None:
    ben, cleo = visitor(browser, app, "ben"), visitor(browser, app, "cleo")
    press(ben, "Submit patient")
    shows(ben, "patient-ben: busy (IN_PROGRESS)")
    ben.context.close()
    shows(cleo, "ben left")
    cleo.context.close()
