"""Nodes as real processes over one real store."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octostar_runtime.testing import wait_until
from tests.support.postgres import Postgres, running_postgres

ROOT = Path(__file__).resolve().parents[3]


class NodeProcess:
    """One node; ``told`` is what it said of itself."""

    def __init__(self, url: str, node_id: str, *arguments: str) -> None:
        self.node_id = node_id
        self.told: list[dict[str, object]] = []
        command = [sys.executable, "-m", "tests.support.fleet_process", url, node_id, *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.errors = ""
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._keep, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def _keep(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors = (self.errors + line)[-20_000:]

    def heard(self, event: str) -> dict[str, object] | None:
        return next((line for line in self.told if line["event"] == event), None)

    def ready(self) -> "NodeProcess":
        wait_until(lambda: self.heard("ready") or self.process.poll() is not None, timeout_s=30, what="the node")
        assert self.process.poll() is None, self.errors
        return self

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def stop(self) -> dict[str, object]:
        """End the node in order and return what it said at last."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        self.process.wait(30)
        for reader in self._readers:
            reader.join(5)
        return self.heard("stopped") or {}

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


StartNode = Callable[..., NodeProcess]


@pytest.fixture
def start_node() -> Iterator[StartNode]:
    nodes: list[NodeProcess] = []

    def start(url: str, node_id: str, *arguments: str) -> NodeProcess:
        nodes.append(NodeProcess(url, node_id, *arguments))
        return nodes[-1]

    yield start
    for node in nodes:
        node.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server
