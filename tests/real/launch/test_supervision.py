"""What becomes of a console whose programs die, and what is left of one that was stopped."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from octostar_runtime.testing import wait_until
from tests.support.processes import family
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
TINY = Path(__file__).parent / "tiny_app" / "app.py"


@pytest.fixture(scope="module")
def console() -> Iterator[RunningApp]:
    with RunningApp(app=TINY) as app:
        yield app


def answers(app: RunningApp, path: str, status: int) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return app.get(path, headers={"X-No-Track-Activity": "1"}).status_code == status
        except httpx.TransportError:
            return False

    return check


def test_a_killed_ui_is_brought_back_and_the_api_answers_meanwhile(console: RunningApp) -> None:
    old = console.pid_of("ui")
    psutil.Process(old).kill()
    assert console.get("/api/health").status_code == 200
    wait_until(lambda: console.pid_of("ui") not in (0, old), timeout_s=15, what="another UI process")
    wait_until(answers(console, "/_stcore/health", 200), timeout_s=30, what="the UI's answer")
    with StreamlitClient(console.url) as client:
        client.wait_for("Hello from the tiny app")


def test_a_killed_api_leaves_the_ui_going_and_nginx_answers_with_a_hint(console: RunningApp) -> None:
    with StreamlitClient(console.url) as client:
        old = console.pid_of("api")
        psutil.Process(old).kill()
        wait_until(answers(console, "/api/health", 503), timeout_s=10, what="the hint")
        hint = console.get("/api/health")
        if hint.status_code == 503:  # unless it is back already
            assert "supervisor starts it again" in hint.json()["detail"]
        client.rerun()
        assert client.connected
        assert console.get("/").status_code == 200
    wait_until(lambda: console.pid_of("api") not in (0, old), timeout_s=15, what="another API process")
    wait_until(answers(console, "/api/health", 200), timeout_s=30, what="the API's answer")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_in_order_and_leaves_no_process(how: signal.Signals) -> None:
    app = RunningApp(app=TINY).start()
    try:
        with StreamlitClient(app.url):  # an open session does not hold it up
            assert len(family(app.pid)) >= 5
            began = time.monotonic()
            assert app.stop(how=how) == 0
            assert time.monotonic() - began < 15
        log = app.log("supervisord")
        order = sorted(("nginx", "ui", "api"), key=lambda name: log.index(f"stopped: {name}"))
        assert order == ["nginx", "ui", "api"]
    finally:
        app.discard()


def test_a_signal_in_the_middle_of_a_start_leaves_no_process_either() -> None:
    app = RunningApp(app=TINY).launch()
    try:
        wait_until(lambda: len(family(app.pid)) >= 4, timeout_s=20, what="the programs")
        app.stop()
        assert "is ready" not in app.output
    finally:
        app.discard()


def test_an_app_that_cannot_start_ends_everything_with_its_last_words(tmp_path: Path) -> None:
    broken = tmp_path / "app.py"
    broken.write_text("import streamlit as st\nimport no_such_module\napp = st.App('page.py')\n")
    app = RunningApp(app=broken).launch()
    try:
        assert app.process.wait(90) == 70
        assert app.left_behind() == []
        (line,) = [line for line in app.output.splitlines() if "does not start" in line]
        assert "octostar: ui does not start (" in line
        assert "no_such_module" in line
        assert str(app.state_dir / "logs" / "ui.log") in line
    finally:
        app.discard()


def test_without_nginx_the_ui_serves_page_and_api() -> None:
    with RunningApp(nginx=False) as app:
        assert app.get("/").status_code == 200
        assert app.get("/api/health").status_code == 200
        assert app.get("/openapi.json").json()["openapi"].startswith("3.1")
        assert app.api("GET", "/api/runs").status_code == 200
        with StreamlitClient(app.url) as client:
            assert client.page.runs_finished == 1
