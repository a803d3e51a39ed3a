"""A cluster as others start it, with Dask's own commands and defaults: its nannies, and its queue."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from octostar_runtime.models.pools import ClusterRecord
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import PoolSettings
from octostar_runtime.testing import wait_until
from tests.real.dask.conftest import MakeManager, address_of
from tests.support.dask_cluster import ROOT

DASK = str(Path(sys.executable).with_name("dask"))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A scheduler with its defaults and one worker of 400 MB under a nanny."""
    note = tmp_path / "scheduler.json"
    local = ["--host", "127.0.0.1", "--scheduler-file", str(note), "--no-dashboard"]
    worker = [DASK, "worker", *local, "--nthreads", "1", "--memory-limit", "400MB", "--name", "gpu-1", "--nanny"]
    with _program([DASK, "scheduler", "--port", "0", *local], tmp_path):
        wait_until(note.exists, timeout_s=30, what="the scheduler")
        with _program([*worker, "--local-directory", str(tmp_path)], tmp_path):
            yield str(json.loads(note.read_text())["address"])


@contextmanager
def _program(command: list[str], directory: Path) -> Iterator[None]:
    with (directory / f"{command[1]}.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.timeout(120)
def test_a_nanny_that_ends_its_worker_for_its_memory_is_named_and_the_worker_comes_back(
    address: str, make_manager: MakeManager, tmp_path: Path
) -> None:
    tasks = make_manager(PoolSettings(engine="dask", size=5, address=address))
    mark, journal = tmp_path / "mark", str(tmp_path / "journal")

    def eat(handle: Any) -> int:
        with open(mark, "a") as file:  # noqa: PTH123
            file.write("x")
        kept = []
        for _ in range(200):
            kept.append(bytearray(os.urandom(1) * 5_000_000))
            time.sleep(0.05)
        return len(kept)

    run_id = tasks.submit("t", eat)
    first = address_of(tasks, run_id)
    assert tasks.wait_run(run_id, 60)
    record = tasks.run(run_id)
    assert record.state is RunState.ERROR
    assert "worker gpu-1" in (record.error or "")
    assert "it reached its memory limit" in (record.error or "")
    assert mark.read_text() == "x", "Dask would have run it three times more"

    sign = tmp_path / "sign"

    def hold_the_gil(handle: Any) -> None:
        sign.touch()
        re.match(r"(a+)+$", "a" * 64 + "b")

    stubborn = tasks.submit("stubborn", hold_the_gil)
    second = address_of(tasks, stubborn)
    wait_until(sign.exists, timeout_s=20, what="its beginning")
    time.sleep(0.1)
    assert second != first, "a new process under the same nanny"
    assert tasks.hard_stop(stubborn)
    assert tasks.wait_run(stubborn, 20)
    assert tasks.run(stubborn).state is RunState.CANCELLED

    held = tasks.submit("held", lambda handle: handle.sleep(60))
    assert address_of(tasks, held) != second, "its nanny has ended what holds the GIL"

    def note(handle: Any) -> None:
        with open(journal, "a") as file:  # noqa: PTH123
            file.write(f"{handle.task_id} ")

    # what a worker is sent ahead is its next whatever comes; the first of these takes that place
    for name, priority in (("ahead", 0), ("low", 0), ("high", 5), ("middle", 2)):
        tasks.submit(name, note, priority=priority)  # four more slots than the cluster has threads
    wait_until(lambda: (seen := tasks.pools()[0].cluster) and seen.queued + _waiting(seen) >= 4, timeout_s=30)
    tasks.cancel("held")
    assert tasks.join_pool("default", 30)
    order = [name for name in Path(journal).read_text().split() if name != "ahead"]
    assert order == ["high", "middle", "low"]


def _waiting(seen: ClusterRecord) -> int:
    return max(0, sum(len(worker.runs) for worker in seen.workers) - seen.threads)
