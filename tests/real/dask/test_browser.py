"""In real browsers: the Parallelism page's work on the cluster, seen and stopped from another replica's console."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from octostar_runtime.testing import wait_until
from tests.real.console.conftest import PATIENCE_MS, browser_of, confirm
from tests.support.dask_cluster import Cluster
from tests.support.running_app import RunningApp
from tests.support.streamlit_server import ROOT

pytestmark = pytest.mark.real


@pytest.fixture
def replicas(shared: Cluster, tmp_path: Path) -> Iterator[tuple[RunningApp, RunningApp]]:
    """Two consoles with one store, whose Parallelism page works on one cluster."""
    pool = shared.settings(size=2).model_dump(mode="json", exclude_defaults=True)
    env = {
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite3'}",
        "OCTOSTAR_POOLS": json.dumps({"async-patterns": {**pool, "engine": "dask"}}),
    }
    first, second = RunningApp(nginx=False, env=env), RunningApp(nginx=False, env=env)
    with ExitStack() as stack:
        for app in (first, second):
            stack.callback(app.discard)
            app.launch()
        yield stack.enter_context(first), stack.enter_context(second)


def person(browser: Browser, app: RunningApp) -> Page:
    return browser_of(browser, app, app.sign_in()).new_page()


def test_work_on_the_cluster_is_stopped_from_another_replica(
    browser: Browser, cluster: Cluster, replicas: tuple[RunningApp, RunningApp], tmp_path: Path
) -> None:
    first, second = replicas
    ada, operator = person(browser, first), person(browser, second)
    try:
        operator.goto(f"{second.url}/tasks?state=running&q=pool:async-patterns")
        ada.goto(f"{first.url}/patterns_parallelism")
        handing_in = ada.get_by_role("button", name="Wait for replies (network)")
        for count in range(1, 5):  # ten seconds each, two at a time
            handing_in.click(timeout=PATIENCE_MS)
            expect(ada.get_by_role("button", name=f"Cancel all {count}")).to_be_visible(timeout=PATIENCE_MS)
        for _ in range(4):  # one may end while it is asked about
            operator.locator("tr[data-id]").first.get_by_role("button", name="Cancel").click(timeout=PATIENCE_MS)
            confirm(operator, "not needed")
            if soon_cancelled(second):
                break
        run = next(iter(cancelled(second)))
        assert run["worker"].startswith("shared-"), "it ran on the cluster"
        assert run["cancel"]["reason"] == "not needed"

        operator.goto(f"{second.url}/pool")
        operator.get_by_role("link", name="async-patterns").first.click(timeout=PATIENCE_MS)
        table = operator.get_by_role("table", name="Workers of the cluster")
        expect(table).to_contain_text("shared-1", timeout=PATIENCE_MS)
        expect(table).to_contain_text("GPU 1")
        ada.get_by_role("button", name=re.compile("Cancel all")).click()
        expect(ada.get_by_role("button", name=re.compile("Cancel all"))).to_have_count(0, timeout=PATIENCE_MS)
    finally:
        ada.context.close()
        operator.context.close()


def cancelled(app: RunningApp) -> list[dict[str, Any]]:
    """Return the runs of the page that the console shows as cancelled."""
    found = app.api("GET", "/api/runs", params={"q": "pool:async-patterns state:cancelled"}).json()["items"]
    return [run for run in found if run["started_at"] is not None]


def soon_cancelled(app: RunningApp) -> bool:
    try:
        wait_until(lambda: cancelled(app), timeout_s=6, what="a cancelled run")
    except AssertionError:
        return False
    return True
