"""Replicas that share a cluster: what one has submitted goes on without it, and another can see and stop it."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.runtime import Runtime
from octostar_runtime.settings import Settings
from octostar_runtime.testing import wait_until
from tests.support.dask_cluster import ROOT, Cluster


def settings_for(cluster: Cluster, directory: Path) -> dict[str, Any]:
    return {"state_dir": str(directory / "state"), "pools": {"default": cluster.settings().model_dump(mode="json")}}


@contextlib.contextmanager
def first_replica(
    cluster: Cluster, directory: Path, how: signal.Signals
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A process that has submitted a run; it is to end by ``how``."""
    signs = directory / how.name
    signs.mkdir()
    settings = json.dumps(settings_for(cluster, directory))
    command = [sys.executable, "-m", "tests.support.dask_replica", settings, str(signs)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the replica did not start"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@contextlib.contextmanager
def another_replica(cluster: Cluster, directory: Path) -> Iterator[Runtime]:
    """A replica in this process."""
    runtime = Runtime(kind="app", settings=Settings.model_validate(settings_for(cluster, directory))).start()
    try:
        yield runtime
    finally:
        runtime.stop()


def seen(runtime: Runtime, run_id: str) -> RunRecord | None:
    """Return what this replica's console shows of a run."""
    return next((run for run in runtime.fleet.snapshot.runs if run.run_id == run_id), None)


def of_ours(runtime: Runtime, run_id: str) -> bool:
    record = seen(runtime, run_id)
    return record is not None and record.node_id == runtime.node.node_id


def test_trap_11_a_run_goes_on_when_the_replica_that_submitted_it_is_gone(cluster: Cluster, tmp_path: Path) -> None:
    with another_replica(cluster, tmp_path) as runtime:
        for how in (signal.SIGKILL, signal.SIGTERM):
            signs = tmp_path / how.name
            with first_replica(cluster, tmp_path, how) as (process, told):
                run_id = told["run_id"]
                is_seen(runtime, run_id)
                process.send_signal(how)
                process.wait(20)
                is_taken_over(runtime, run_id, signs)
                end = is_cancelled(runtime, run_id, signs) if how is signal.SIGKILL else ends(runtime, run_id, signs)
                is_in_the_store(runtime, run_id, end)


def is_seen(runtime: Runtime, run_id: str) -> None:
    wait_until(lambda: seen(runtime, run_id), timeout_s=20, what="the run of the other")


def is_taken_over(runtime: Runtime, run_id: str, signs: Path) -> None:
    wait_until(lambda: of_ours(runtime, run_id), timeout_s=30, what="the take-over")
    record = seen(runtime, run_id)
    assert record is not None
    assert record.state is RunState.RUNNING
    assert not (signs / "cancelled").exists()
    before = record.done or 0
    wait_until(lambda: (r := seen(runtime, run_id)) and (r.done or 0) > before, timeout_s=15, what="progress")


def is_cancelled(runtime: Runtime, run_id: str, signs: Path) -> RunState:
    assert runtime.tasks.cancel_run(run_id, reason="no longer needed", by="ada")
    wait_until((signs / "cancelled").exists, timeout_s=10, what="the flag")
    wait_until(lambda: runtime.tasks.run(run_id).state is RunState.CANCELLED, timeout_s=10, what="its end")
    return RunState.CANCELLED


def ends(runtime: Runtime, run_id: str, signs: Path) -> RunState:
    (signs / "enough").touch()
    wait_until(lambda: runtime.tasks.run(run_id).terminal, timeout_s=15, what="its end")
    return RunState.SUCCESS


def is_in_the_store(runtime: Runtime, run_id: str, end: RunState) -> None:
    wait_until(
        lambda: (r := runtime.store.runs.get(run_id)) and r.state is end, timeout_s=10, what="its end in the store"
    )
    assert [state for state, _ in runtime.tasks.run(run_id).timeline][-1] is end
