"""The whole console with a program that an operator added: a small model server."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octostar_runtime.testing import wait_until
from tests.support.ports import free_port
from tests.support.running_app import RunningApp

VISITOR = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"model")
    def log_message(self, *args): pass
print("model server is up", flush=True)
print("loaded 7 layers", file=sys.stderr, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Console(RunningApp):
    """A running console whose services a test looks at."""

    def service(self, name: str) -> dict[str, Any]:
        """Return a service as the API tells it."""
        return dict(self.api("GET", f"/api/services/{name}").json())

    def state(self, name: str) -> str:
        """Return a service's state."""
        return str(self.service(name).get("state"))

    def is_up(self, name: str) -> bool:
        """Whether a service runs, used or not."""
        return self.state(name) in ("ready", "idle")

    def change_policy(self, **changes: Any) -> dict[str, Any]:
        """Save the policy with some settings changed; the others of ``services`` stay."""
        found = self.api("GET", "/api/policy").json()
        document = {**found["policy"], **changes}
        answer = self.api("PUT", "/api/policy", json={"version": found["version"], "policy": document})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def order_stop(self, name: str) -> None:
        """Order a stop. It is refused while somebody is seen, for a second or so also one who has just gone."""
        refusals: list[str] = []

        def taken() -> bool:
            answer = self.api("POST", f"/api/services/{name}/stop", json={"reason": "a test"})
            if answer.status_code == 204:
                return True
            refusals.append(answer.text)
            time.sleep(0.3)
            return False

        try:
            wait_until(taken, timeout_s=15, what="the order to stop")
        except AssertionError:
            pytest.fail(f"the stop of {name} is refused: {refusals[-1]}")

    def sees_only_observers(self) -> bool:
        """Whether the API has heard of those who are connected, and that they only look at the console."""
        sessions = self.api("GET", "/api/sessions").json()["items"]
        connected = [session for session in sessions if session["state"] == "connected"]
        return bool(connected) and all(session["observer"] for session in connected)

    def spawns(self, program: str) -> int:
        """Return how often supervisord started a program."""
        return self.log("supervisord").count(f"spawned: '{program}'")

    def told(self, kind: str, subject: str) -> list[dict[str, Any]]:
        """Return the events of one kind about one service, newest first."""
        found = self.api("GET", "/api/events", params={"kind": kind, "limit": 100}).json()["items"]
        return [event for event in found if event["subject"] == subject]


@pytest.fixture(scope="package")
def console() -> Iterator[Console]:
    state_dir = Path(tempfile.mkdtemp(prefix="octostar-"))
    port = free_port()
    programs = state_dir / "programs"
    programs.mkdir()
    (programs / "server.py").write_text(SERVER)
    lines = [f"command={sys.executable} {programs / 'server.py'} {port}", "autostart=true", "stopasgroup=true"]
    (programs / "model.conf").write_text("\n".join(["[program:model]", *lines, ""]))
    try:
        with Console(state_dir=state_dir) as app:
            app.admin_cookie = app.sign_in()  # type: ignore[attr-defined]
            app.change_policy(
                check_interval=0.5, min_uptime=0, services={"model": {"health": f"http://127.0.0.1:{port}/"}}
            )
            yield app
    finally:
        shutil.rmtree(state_dir, ignore_errors=True)


@pytest.fixture(autouse=True)
def _a_fresh_policy(console: Console) -> None:
    """Every test begins with the defaults, quick ticks, the UI and the model server up."""
    health = console.api("GET", "/api/policy").json()["policy"]["services"]["model"]["health"]
    patience = {"wake_page_after": 55, "wake_hold_max": 55}  # a slow machine needs longer than the usual 10 s
    document = {"check_interval": 0.5, "min_uptime": 0, "services": {"model": {"health": health}}, **patience}
    version = console.api("GET", "/api/policy").json()["version"]
    console.api("PUT", "/api/policy", json={"version": version, "policy": document}).raise_for_status()
    for hold in console.api("GET", "/api/holds").json():
        console.api("DELETE", f"/api/holds/{hold['hold_id']}")
    assert console.get("/", headers=VISITOR, timeout=90).status_code == 200
    wait_until(lambda: console.is_up("model"), timeout_s=60, what="the model server")
