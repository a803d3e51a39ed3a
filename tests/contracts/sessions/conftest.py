"""Both session callback managers, each in a real Streamlit server of its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from octostar_runtime.testing import wait_until
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import StreamlitServer

APP = Path(__file__).parent / "app.py"


@dataclass
class Served:
    """One server and the log its callbacks write."""

    server: StreamlitServer
    log: Path

    def open(self, me: str, case: str = "plain", *, run: bool = True, timeout_s: float = 10.0) -> StreamlitClient:
        """Open a tab that registers the callbacks of ``case`` under the name ``me``."""
        return StreamlitClient(self.server.url, query=f"case={case}&me={me}", run=run, timeout_s=timeout_s)

    def lines(self, what: str, me: str) -> list[dict[str, Any]]:
        """Return what callbacks logged of ``me``."""
        text = self.log.read_text() if self.log.exists() else ""
        found = [json.loads(line) for line in text.splitlines()]
        return [line for line in found if line["what"] == what and line["me"] == me]

    def wait(self, what: str, me: str, *, count: int = 1, timeout_s: float = 6.0) -> list[dict[str, Any]]:
        """Wait until ``count`` such lines are there."""
        wait_until(lambda: len(self.lines(what, me)) >= count, timeout_s=timeout_s, what=f"{count} x {what!r} of {me}")
        return self.lines(what, me)


class Serve(Protocol):
    """Gives a server of an implementation: "reference" or "ours"."""

    def __call__(self, implementation: str, *, unharmed: bool = False) -> Served: ...


@pytest.fixture
def serve(tmp_path: Path, _ours: Served, _reference: Served) -> Iterator[Serve]:
    """Return a function of the implementation's name.

    The reference gets a fresh server each time, because it breaks; ``unharmed`` cases, which do not break it and need
    nothing that may be broken, share one.
    """
    running: list[StreamlitServer] = []

    def start(implementation: str, *, unharmed: bool = False) -> Served:
        if implementation == "ours" or unharmed:
            return _ours if implementation == "ours" else _reference
        served = _served("reference", tmp_path / "log.jsonl")
        running.append(served.server)
        return served

    yield start
    for server in running:
        server.kill()


@pytest.fixture(scope="module")
def _ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = _served("ours", tmp_path_factory.mktemp("ours") / "log.jsonl")
    yield served
    served.server.stop()


@pytest.fixture(scope="module")
def _reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = _served("reference", tmp_path_factory.mktemp("reference") / "log.jsonl")
    yield served
    served.server.kill()


def _served(implementation: str, log: Path) -> Served:
    env = {
        "IMPL": implementation,
        "LOG": str(log),
        "OCTOSTAR_SESSION_END_AFTER_S": "2",
        "OCTOSTAR_HEARTBEAT_INTERVAL_S": "0.5",
        "PYTHONWARNINGS": "ignore",
    }
    return Served(StreamlitServer(APP, env=env).start(), log)
