"""Every page can be drawn from the sample fleet, from an empty one, and shows nothing to strangers."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from octostar_runtime.models.access import ANONYMOUS, Principal, Role
from octostar_runtime.ui.links import PAGES
from octostar_runtime.ui.queries.pools import pool_key
from tests.support import console_demo
from tests.support.fleet_samples import a_cluster_pool, empty_snapshot, run_id, session_id

FOLDER = Path(__file__).resolve().parents[3] / "pages"
TABS = [
    ("overview", {}),
    ("overview", {"span": "day"}),
    ("sessions", {"who": "all"}),
    ("sessions", {"who": "ended", "open": session_id(11)[:13]}),
    ("sessions", {"tab": "users"}),
    ("sessions", {"tab": "callbacks"}),
    ("tasks", {}),
    ("tasks", {"group": "error"}),
    ("tasks", {"q": "error:timeout -pool:gpu", "state": "failed"}),
    ("tasks", {"q": "bogus:1"}),
    ("pool", {}),
    ("pool", {"pool": pool_key(a_cluster_pool())}),
    ("nodes", {}),
    ("idle", {}),
    ("idle", {"tab": "policy"}),
    ("idle", {"tab": "log"}),
    ("idle", {"tab": "whatif"}),
    ("history", {}),
    ("system", {}),
    ("system", {"tab": "settings"}),
    ("system", {"tab": "sign-ins"}),
    ("system", {"tab": "tokens"}),
    ("run", {"id": run_id(90)}),
    ("run", {"id": run_id(21)}),
    ("run", {}),
]


def script() -> None:
    """The entry script as AppTest runs it; everything it needs is looked up inside."""
    from octostar_runtime.ui import entry
    from tests.support import console_demo
    from tests.unit.ui.test_pages import FOLDER, STAGE

    entry.run(FOLDER, source=STAGE.source, identify=lambda: STAGE.who)
    assert console_demo


class Stage:
    """Who looks at what, for the script under test."""

    source: console_demo.DemoSource
    who: Principal


STAGE = Stage()


@pytest.fixture(autouse=True)
def _stage() -> None:
    STAGE.source = console_demo.DemoSource()
    STAGE.who = Principal(name="olga@example.org", role=Role.ADMIN, via="link")


def open_page(page: str, params: dict[str, str]) -> AppTest:
    app = AppTest.from_function(script, default_timeout=20)
    app.query_params.update(params)
    if page != "overview":
        app.switch_page(str(FOLDER / f"{PAGES[page][0]}.py"))
    return app.run()


@pytest.mark.parametrize(("page", "params"), TABS)
def test_a_page_is_drawn_without_an_error(page: str, params: dict[str, str]) -> None:
    app = open_page(page, params)

    assert not app.exception
    title = "Task" if page == "run" else PAGES[page][1]
    assert f'<h1 class="oc-title">{title}</h1>' in drawn(app)


def drawn(app: AppTest) -> str:
    """Return everything the page shows, as text."""
    bodies = [element.proto.body for element in app.get("html")]
    others = [str(element.proto) for kind in ("bidi_component", "markdown", "code") for element in app.get(kind)]
    return "\n".join([*bodies, *others])


@pytest.mark.parametrize("page", [page for page in PAGES if page != "run"])
def test_a_page_without_any_data_says_what_would_be_here(page: str) -> None:
    STAGE.source = console_demo.DemoSource(empty_snapshot())
    STAGE.source.events = ()

    app = open_page(page, {})

    assert not app.exception
    assert page in ("nodes", "system") or "oc-empty" in drawn(app)


@pytest.mark.parametrize(("page", "params"), TABS)
def test_a_stranger_sees_how_to_sign_in_and_none_of_the_data(page: str, params: dict[str, str]) -> None:
    STAGE.who = ANONYMOUS

    app = open_page(page, params)

    shown = drawn(app)
    assert "Sign in to the console" in shown
    assert not [word for word in ("ada@", "profile_csv", "dask-workers", "app-2", "OCTOSTAR_BIND") if word in shown]
    assert not app.button


def test_a_viewer_finds_every_action_disabled() -> None:
    STAGE.who = Principal(name="vera", role=Role.VIEWER, via="link")
    harmless = {"oc_refresh", "oc_help", "oc_sign_out", "oc_stack", "oc_timeline", "oc_policy_load"}

    for page, params in TABS:
        app = open_page(page, params)
        able = [button.key for button in app.button if not button.disabled and button.key not in harmless]
        assert able == [], page
