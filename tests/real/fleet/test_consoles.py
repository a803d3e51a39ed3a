"""Three consoles and an API process on one PostgreSQL: each shows all, acts on all, and survives the others' ends."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from octostar_runtime.clock import SystemClock
from octostar_runtime.models.commands import CommandState
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store.opening import open_sql_store
from octostar_runtime.testing import wait_until
from tests.contracts.store.conftest import a_node
from tests.real.console.conftest import PATIENCE_MS, confirm
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
LINK = re.compile(r"Sign in \(.*?\): (\S+)")


class Node:
    """One process of the fleet as a person reaches it."""

    def __init__(self, name: str, url: str, pid: int, state_dir: Path, server: StreamlitServer | None = None) -> None:
        self.name, self.url, self.pid, self.server = name, url, pid, server
        token = (state_dir / "api-token").read_text().strip()
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, headers=self._headers, timeout=30.0, **options)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def states(self) -> dict[str, str]:
        """Return how the fleet does as this node shows it, by name."""
        return {node["name"]: node["state"] for node in self.get("/api/nodes")["items"]}

    def start(self, function: str, **arguments: object) -> str:
        answer = self.call("POST", f"/api/functions/{function}", json=arguments)
        assert answer.status_code == 202, answer.text
        return answer.headers["location"].rpartition("/")[2]

    def run(self, run_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/api/runs/{run_id}")
        return answer.json() if answer.status_code == 200 else {"state": f"{answer.status_code}"}

    def cookie(self) -> str:
        assert self.server is not None
        link = LINK.search(self.server.log)
        assert link, self.server.log
        with httpx.Client(timeout=20.0) as client:
            client.get(link.group(1))
            return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def settings_of(url: str, name: str, state_dir: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "OCTOSTAR_STATE_DIR": str(state_dir),
        "OCTOSTAR_NODE_NAME": name,
        "OCTOSTAR_FUNCTIONS": "tests.real.console.work",
        "OCTOSTAR_POOLS": '{"default": {"size": 3}}',
    }


class TheFleet:
    """Starts nodes and ends them all."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._stack = ExitStack()

    def ui(self, name: str, env: Mapping[str, str] | None = None) -> Node:
        state_dir = self._folder / name
        server = StreamlitServer(ROOT / "app.py", env=settings_of(self.url, name, state_dir) | dict(env or {}))
        self._stack.callback(server.kill)
        server.start()
        wait_until(lambda: (state_dir / "api-token").exists() and LINK.search(server.log), what="the sign-in link")
        return Node(name, server.url, server.pid, state_dir, server)

    def api(self, name: str) -> Node:
        port, state_dir = free_port(), self._folder / name
        env = {**os.environ, **settings_of(self.url, name, state_dir), "OCTOSTAR_API_PORT": str(port)}
        process = subprocess.Popen(
            [sys.executable, "-m", "octostar_runtime.api"], cwd=ROOT, env=env, stderr=subprocess.DEVNULL
        )
        self._stack.callback(process.wait, 15)
        self._stack.callback(process.terminate)
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(f"{address}/api/health"), timeout_s=40, what="the API")
        return Node(name, address, process.pid, self._folder / "ui-1")

    def end(self) -> None:
        self._stack.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def fleet(postgres: Postgres, tmp_path: Path) -> Iterator[TheFleet]:
    fleet = TheFleet(postgres.new_database(), tmp_path)
    yield fleet
    fleet.end()


def nodes_page(browser: Browser, node: Node) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    name, _, value = node.cookie().partition("=")
    context.add_cookies([{"name": name, "value": value.split(";")[0], "url": node.url}])
    page = context.new_page()
    page.goto(f"{node.url}/nodes")
    return page


def test_three_consoles_and_an_api_live_through_a_killed_node_and_a_database_away_for_twenty_seconds(
    fleet: TheFleet, postgres: Postgres
) -> None:
    with ThreadPoolExecutor() as starters:
        one, two, three = starters.map(fleet.ui, ("ui-1", "ui-2", "ui-3"))
    api = fleet.api("api-1")
    everybody = (one, two, three, api)
    for node in everybody:
        wait_until(lambda node=node: list(node.states().values()) == ["ok"] * 4, timeout_s=10, what=node.name)  # type: ignore[misc]

    # under load: three run and four wait on the second node; one is cancelled from the first one's API
    doomed = [two.start("works", seconds=100) for _ in range(7)]
    kept = [node.start("works", seconds=25) for node in (one, three)]
    wait_until(lambda: one.run(doomed[0])["state"] == "running", timeout_s=10, what="the work to be seen elsewhere")
    assert one.call("POST", f"/api/runs/{doomed[0]}/cancel", json={"reason": "wrong month"}).status_code < 300
    wait_until(lambda: api.run(doomed[0])["state"] == "cancelled", timeout_s=10, what="the cancel")

    os.kill(two.pid, signal.SIGKILL)
    killed = time.monotonic()
    for node in (one, three, api):
        left = 10 - (time.monotonic() - killed)
        wait_until(lambda node=node: node.states().get("ui-2") == "lost", timeout_s=left, what="the loss")  # type: ignore[misc]
    left = 10 - (time.monotonic() - killed)
    wait_until(lambda: all(one.run(run_id)["state"] == "lost" for run_id in doomed[1:]), timeout_s=left, what="LOST")
    assert three.run(doomed[0])["state"] == "cancelled"

    # a registered function with JSON arguments is run again where one asks for it
    (outcome,) = three.call("POST", "/api/runs/retry", json={"run_ids": [doomed[1]]}).json()["outcomes"]
    assert outcome["ok"], outcome
    again = outcome["detail"]
    wait_until(lambda: one.run(again)["state"] == "running", timeout_s=10, what="the new run")
    assert (one.run(again)["retry_of"], one.run(again)["node_id"]) == (doomed[1], three.run(kept[1])["node_id"])

    postgres.stop()
    time.sleep(20)
    assert _answers(f"{one.url}/_stcore/health"), "a console went down with the database"
    assert one.states()["ui-1"] == "ok"
    postgres.start()
    wait_until(
        lambda: all(api.run(run_id)["state"] == "success" for run_id in kept), timeout_s=30, what="what ended meanwhile"
    )
    (outcome,) = one.call("POST", "/api/runs/cancel", json={"run_ids": [again]}).json()["outcomes"]
    assert outcome["ok"], outcome
    _nothing_is_left_open(fleet.url, one, [*doomed, *kept, again])


def _nothing_is_left_open(url: str, node: Node, known: list[str]) -> None:
    wait_until(lambda: not node.get("/api/runs", q="state:live", limit=50)["items"], timeout_s=15, what="all ends")
    store = open_sql_store(url, clock=SystemClock(), node=a_node("watcher"), settings=Settings())
    try:
        states = {run.run_id: run.state for run in store.runs.find("", limit=1_000).runs}
        assert set(known) <= set(states)
        assert [state for state in states.values() if not state.terminal] == []
        assert states[known[1]] is RunState.LOST
        for run in store.runs.find("", limit=1_000).runs:
            assert sum(state.terminal for state, _ in run.timeline) <= 1
        assert {node.record.state for node in store.nodes.all()} == {NodeState.OK, NodeState.LOST}
        # what was sent to the dead by somebody who died as well is marked by whoever is left
        answered = {CommandState.DONE, CommandState.FAILED, CommandState.EXPIRED}
        wait_until(
            lambda: {command.state for command in store.commands.recent()} <= answered,
            timeout_s=30,
            what=f"answers to {[c for c in store.commands.recent() if c.state not in answered]}",
        )
    finally:
        store.close()


def test_the_nodes_page_shows_a_second_process_cancels_there_and_retries_what_it_lost(
    fleet: TheFleet, browser: Browser
) -> None:
    one = fleet.ui("ui-1")
    page = nodes_page(browser, one)
    expect(page.get_by_text("ui-1 (this one)")).to_be_visible(timeout=PATIENCE_MS)

    two = fleet.ui("ui-2")
    expect(page.get_by_text("ui-2", exact=True)).to_be_visible(timeout=3_000)

    first, second = two.start("works", seconds=90), two.start("works", seconds=90)
    page.goto(f"{one.url}/tasks?state=running")
    row = page.locator(f"tr[data-id='{first}']")
    expect(row).to_be_visible(timeout=PATIENCE_MS)
    row.get_by_role("button", name="Cancel").click()
    confirm(page, "not that one")
    wait_until(lambda: two.run(first)["state"] == "cancelled", timeout_s=10, what="the cancel")

    page.goto(f"{one.url}/nodes")
    line = page.get_by_role("row").filter(has=page.get_by_text("ui-2", exact=True))
    line.get_by_role("button", name="Drain").click(timeout=PATIENCE_MS)
    confirm(page)
    expect(line).to_contain_text("Draining", timeout=PATIENCE_MS)
    assert two.states()["ui-2"] == "draining"

    os.kill(two.pid, signal.SIGKILL)
    expect(line).to_contain_text("Lost", timeout=12_000)
    wait_until(lambda: one.run(second)["state"] == "lost", timeout_s=10, what="the LOST run")
    page.goto(f"{one.url}/task?id={second}")
    page.get_by_role("button", name="Retry", exact=True).click(timeout=PATIENCE_MS)
    confirm(page)
    wait_until(
        lambda: [run["retry_of"] for run in one.get("/api/runs", q="state:running", limit=5)["items"]] == [second],
        timeout_s=10,
        what="the run on this node",
    )
