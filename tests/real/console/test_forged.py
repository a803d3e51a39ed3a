"""Messages that no button of a viewer's page sends: forged, replayed, or sent past what is disabled."""

from collections.abc import Iterator

import httpx
import pytest
from streamlit.proto.Common_pb2 import StringTriggerValue
from streamlit.proto.WidgetStates_pb2 import WidgetState

from octostar_runtime.testing import wait_until
from tests.real.console.conftest import start, state_of, stuck_run, viewer_cookie
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_page import component_event

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def cookie(console: RunningApp) -> str:
    return viewer_cookie(console)


@pytest.fixture
def vera(console: RunningApp, cookie: str) -> Iterator[StreamlitClient]:
    """A viewer's tab, and the promise that whatever it sent, nothing was done in her name."""
    with StreamlitClient(console.url, headers={"Cookie": cookie, "Origin": console.url}, timeout_s=20) as client:
        yield client
    done = console.api("GET", "/api/events", params={"actor": "vera"}).json()["items"]
    assert [event["kind"] for event in done if not event["kind"].startswith("access.")] == []


def act(client: StreamlitClient, component: str, value: object, event: str = "act") -> None:
    client.set(component_event(client.page.widget(component).id, event, value))


def shown(client: StreamlitClient, label: str) -> bool:
    try:
        return bool(client.page.widget(label))
    except AssertionError:
        return False


def open_until(client: StreamlitClient, label: str, page: str, query: str = "") -> None:
    """Open a page again and again until its list is there: a raw client does not refresh by itself."""
    wait_until(lambda: shown(client.go(page, query=query), label), what=label, timeout_s=20)


def confirm(client: StreamlitClient) -> None:
    """Press the dialog's button although it is disabled."""
    client.wait(lambda: shown(client, "oc_confirm"), what="the dialog")
    button = client.page.widget("oc_confirm")
    assert button.disabled
    client.set(WidgetState(id=button.id, trigger_value=True))


def test_a_forged_cancel_of_a_task_changes_nothing(vera: StreamlitClient, console: RunningApp) -> None:
    run_id = start(console, "works", seconds=40)
    open_until(vera, "oc_tasks", "tasks", "state=running&q=name:works")

    act(vera, "oc_tasks", {"name": "cancel", "ids": [run_id]})
    confirm(vera)

    assert state_of(console, run_id) == "running"
    console.api("POST", f"/api/runs/{run_id}/cancel", json={})


def test_a_forged_bulk_retry_changes_nothing(vera: StreamlitClient, console: RunningApp) -> None:
    run_id = start(console, "breaks")
    wait_until(lambda: state_of(console, run_id) == "error", what="the failure", timeout_s=15)
    vera.go("tasks", query="state=failed&q=name:breaks")

    def broken() -> int:
        return len(console.api("GET", "/api/runs", params={"q": "name:breaks"}).json()["items"])

    wait_until(lambda: broken() == 1, what="the failed run in the list", timeout_s=15)

    menu = vera.page.widget("oc_all")
    vera.set(WidgetState(id=menu.id, string_trigger_value=StringTriggerValue(data="Retry all that match")))
    if shown(vera, "oc_confirm"):
        confirm(vera)

    assert broken() == 1


def test_a_forged_hard_stop_from_the_tasks_own_page_changes_nothing(vera: StreamlitClient, console: RunningApp) -> None:
    run_id = stuck_run(console)
    vera.go("task", query=f"id={run_id}")

    act(vera, "octostar_page", {"name": "hard_stop", "target": ""})
    confirm(vera)

    assert state_of(console, run_id) == "cancelling"
    console.api("POST", f"/api/runs/{run_id}/hard-stop", json={})


def test_a_forged_end_of_a_session_changes_nothing(vera: StreamlitClient, console: RunningApp) -> None:
    with StreamlitClient(console.url, headers={"Origin": console.url}, timeout_s=20) as person:
        person.go("patterns_initialization")
        open_until(vera, "oc_sessions", "sessions", "who=all")
        refs = [session["session_id"][:13] for session in console.api("GET", "/api/sessions").json()["items"]]

        act(vera, "oc_sessions", {"name": "end", "ids": refs})
        confirm(vera)

        person.heartbeat()
        assert person.connected


@pytest.mark.parametrize(
    ("page", "component", "value"),
    [
        ("pool", "oc_pools", {"name": "pause", "ids": None}),
        ("pool", "oc_pools", {"name": "resize", "ids": None}),
        ("nodes", "oc_nodes", {"name": "drain", "ids": None}),
        ("idle", "octostar_page", {"name": "stop", "target": "pool:default"}),
        ("idle", "octostar_page", {"name": "hold", "target": ""}),
    ],
)
def test_a_forged_action_on_pools_nodes_and_services_changes_nothing(
    vera: StreamlitClient, console: RunningApp, page: str, component: str, value: dict[str, object]
) -> None:
    open_until(vera, component, page)
    pool = console.api("GET", "/api/pools").json()["items"][0]
    ids = {"oc_pools": f"{pool['node_id'][-8:]}/{pool['name']}", "oc_nodes": pool["node_id"]}

    act(vera, component, {**value, **({"ids": [ids[component]]} if component in ids else {})})
    if shown(vera, "oc_confirm"):
        confirm(vera)

    assert console.api("GET", "/api/pools").json()["items"][0]["state"] == "open"


def test_a_forged_policy_is_not_saved(vera: StreamlitClient, console: RunningApp) -> None:
    before = console.api("GET", "/api/policy").json()["version"]
    vera.go("idle", query="tab=policy")

    button = vera.page.widget("Save the policy")
    assert button.disabled
    vera.set(WidgetState(id=button.id, trigger_value=True))

    assert console.api("GET", "/api/policy").json()["version"] == before


def test_no_browser_clears_the_caches_of_all(vera: StreamlitClient, console: RunningApp) -> None:
    vera.go("tasks")
    runs = vera.page.runs_finished
    vera.clear_cache()
    vera.rerun()
    assert vera.page.runs_finished > runs
    assert console.get("/api/health").status_code == 200


def test_a_press_that_went_astray_is_done_when_it_is_said_again_and_only_once(console: RunningApp) -> None:
    """Streamlit sends what two components say at once to the fragment of one of them: the page's does not run then."""
    cookie = console.admin_cookie  # type: ignore[attr-defined]
    with StreamlitClient(console.url, headers={"Cookie": cookie, "Origin": console.url}, timeout_s=20) as admin:
        admin.go("idle")
        page = admin.page.widget("octostar_page").id
        press = component_event(page, "act", {"name": "hold", "target": "", "number": 1})
        live = next(placed.fragment_id for placed in admin.page._placed.values() if placed.fragment_id)
        admin._run(admin.page.rerun_message(states=[press], fragment_id=live), wait=True)
        assert not shown(admin, "oc_confirm")

        admin.set(press)
        admin.wait(lambda: shown(admin, "oc_confirm"), what="the dialog")
        admin.click("Back")
        admin.wait(lambda: not shown(admin, "oc_confirm"), what="the end of the dialog")
        admin.set(press)
        assert not shown(admin, "oc_confirm")


def test_ids_that_nobody_knows_are_not_acted_upon(console: RunningApp) -> None:
    """Also an operator's page looks up anew what a click says it is about."""
    cookie = console.admin_cookie  # type: ignore[attr-defined]
    run_id = start(console, "works", seconds=20)
    with StreamlitClient(console.url, headers={"Cookie": cookie, "Origin": console.url}, timeout_s=20) as admin:
        open_until(admin, "oc_tasks", "tasks", "state=running&q=name:works")
        for value in ({"name": "cancel", "ids": ["../../etc"]}, {"name": "cancel", "ids": run_id}, "cancel", None, [1]):
            act(admin, "oc_tasks", value)
            assert not shown(admin, "oc_confirm"), value
        assert not admin.page.exceptions
    assert state_of(console, run_id) == "running"
    console.api("POST", f"/api/runs/{run_id}/cancel", json={})


def test_headers_of_a_proxy_that_nobody_trusts_are_worth_nothing(console: RunningApp) -> None:
    said = {
        "X-Forwarded-User": "admin",
        "X-Forwarded-Groups": "ops",
        "X-Octostar-User": "admin",
        "X-Octostar-Edge": "x",
    }
    for address in (console.url, console.ui_url):
        with StreamlitClient(address, headers={**said, "Origin": address}, timeout_s=20) as client:
            client.wait_for("Sign in to the console")
            assert not client.shows("People connected")


def test_the_api_refuses_a_viewers_cookie_and_a_cookie_from_another_site(console: RunningApp, cookie: str) -> None:
    run_id = start(console, "works", seconds=20)
    policy = console.api("GET", "/api/policy").json()
    sessions = [session["session_id"] for session in console.api("GET", "/api/sessions").json()["items"]]
    asked: list[tuple[str, str, dict[str, object]]] = [
        ("POST", f"/api/runs/{run_id}/cancel", {}),
        ("POST", f"/api/runs/{run_id}/hard-stop", {}),
        ("POST", f"/api/runs/{run_id}/retry", {}),
        ("POST", "/api/runs/retry", {"q": "state:failed", "expected": 1}),
        ("POST", "/api/sessions/end", {"session_ids": sessions[:1]}),
        ("PUT", "/api/policy", policy),
    ]
    admin = console.admin_cookie  # type: ignore[attr-defined]
    forged = [
        {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"},
        {"Cookie": admin, "Sec-Fetch-Site": "cross-site"},
        {"Cookie": admin, "Origin": "https://evil.example"},
    ]
    with httpx.Client(base_url=console.url, timeout=20) as client:
        for method, address, body in asked:
            for headers in forged:
                assert client.request(method, address, json=body, headers=headers).status_code == 403, address
    assert state_of(console, run_id) == "running"
    assert console.api("GET", "/api/policy").json()["version"] == policy["version"]
    console.api("POST", f"/api/runs/{run_id}/cancel", json={})
