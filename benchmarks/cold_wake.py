"""The real console with its UI stopped: how long a visitor waits, and how much memory is left.

Each round measures both ways to the first page of the same ``app.py`` in the same surroundings (same settings, same
store): through nginx, whose request wakes the UI and is held until it is there, and started directly by hand.
"""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from octostar_runtime.deploy.layout import Layout
from octostar_runtime.deploy.supervisor_config import streamlit_command
from octostar_runtime.settings import Settings
from tests.support.ports import free_port
from tests.support.processes import family, pss_bytes
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT

PATIENCE_S = 60.0
#: What an operator opens: the UI holds what it has loaded for these until it stops.
PAGES = ("tasks", "sessions", "pool", "idle")
VISITOR = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: seconds to the first finished script run, and bytes (PSS) of everything of ours."""

    woken_s: float
    direct_s: float
    running_bytes: int
    stopped_bytes: int


def measure(rounds: int) -> list[Round]:
    """Start the console once and measure ``rounds`` times, the two contenders in turn."""
    with RunningApp(command=["./main.sh"], cwd=ROOT) as app:
        cookie = app.sign_in()
        return [_round(app, cookie, direct_first=number % 2 == 1) for number in range(rounds)]


def _round(app: RunningApp, cookie: str, *, direct_first: bool) -> Round:
    running_bytes = _settled_bytes(app, cookie)
    surroundings = _environment_of(app)
    _stop_ui(app)
    stopped_bytes = pss_bytes(family(app.pid))
    direct_s = _direct(app, surroundings) if direct_first else 0.0
    woken_s = _woken(app)
    if not direct_first:
        _stop_ui(app)
        direct_s = _direct(app, surroundings)
        _woken(app)  # the next round begins with the UI running
    return Round(woken_s=woken_s, direct_s=direct_s, running_bytes=running_bytes, stopped_bytes=stopped_bytes)


def _settled_bytes(app: RunningApp, cookie: str) -> int:
    """What everything holds once the UI has done what it is there for: an operator has gone through a few pages.

    Nothing is stopped sooner than ``min_uptime`` (2 min) after its start and half an hour after its last user, so a UI
    that still loads, or that nobody has signed in to, is not what gets stopped.
    """
    with StreamlitClient(app.url, headers={"Cookie": cookie}, timeout_s=PATIENCE_S) as client:
        for page in PAGES:
            client.go(page)
        now, deadline = pss_bytes(family(app.pid)), time.monotonic() + 20.0
        while time.monotonic() < deadline:
            before = now
            time.sleep(3.0)
            now = pss_bytes(family(app.pid))
            if abs(now - before) < before / 200:
                break
        return now


def _woken(app: RunningApp) -> float:
    began = time.monotonic()
    answer = httpx.get(app.url + "/", headers=VISITOR, timeout=PATIENCE_S)
    while answer.status_code == 503:  # the waiting page, which reloads itself
        assert time.monotonic() - began < PATIENCE_S, "the UI was not woken"
        time.sleep(int(answer.headers["retry-after"]))
        answer = httpx.get(app.url + "/", headers=VISITOR, timeout=PATIENCE_S)
    assert answer.status_code == 200, f"the visitor was told {answer.status_code}"
    _first_page(app.url)
    return time.monotonic() - began


def _direct(app: RunningApp, surroundings: Mapping[str, str]) -> float:
    port = free_port()
    settings = Settings(ui_port=port, state_dir=app.state_dir)
    command = streamlit_command(Layout(settings=settings, app=ROOT / "app.py"))
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(surroundings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _until_it_answers(url)
        _first_page(url)
        return time.monotonic() - began
    finally:
        process.terminate()
        process.wait(20)


def _first_page(url: str) -> None:
    with StreamlitClient(url, timeout_s=PATIENCE_S) as client:
        assert client.page.runs_finished >= 1


def _until_it_answers(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(url + "/", headers=VISITOR, timeout=PATIENCE_S).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise SystemExit(f"the app did not come up within {PATIENCE_S:.0f} s")


def _stop_ui(app: RunningApp) -> None:
    app.api("POST", "/api/services/ui/stop", json={"reason": "measuring", "force": True}).raise_for_status()
    deadline = time.monotonic() + PATIENCE_S
    while app.pid_of("ui"):
        if time.monotonic() > deadline:
            raise SystemExit("the UI did not stop")
        time.sleep(0.1)
    time.sleep(1.0)  # until the controller has seen it, too


def _environment_of(app: RunningApp) -> Mapping[str, str]:
    """What the supervised UI was started with."""
    ui = next(process for process in family(app.pid) if process.pid == app.pid_of("ui"))
    return {**os.environ, **ui.environ()}
