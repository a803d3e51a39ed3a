"""Failures told as what they are, on real schedulers and workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from octostar_runtime.errors import NotPortable, ResultExpired
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.tasks.engines.dask.engine import DaskEngine
from octostar_runtime.tasks.kept_result import KeptResult
from octostar_runtime.testing import wait_until
from tests.real.dask.conftest import MakeManager, address_of, cluster_of
from tests.support.dask_cluster import ROOT, Cluster


def test_a_killed_worker_is_another_try_when_that_is_allowed(tasks: TaskManager, tmp_path: Path) -> None:
    once = tmp_path / "once"

    def work(handle: Any) -> int:
        if not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return int(handle.attempt)

    run_id = tasks.submit("t", work, retries=1, backoff_s=0.05)
    assert tasks.wait_run(run_id, 30)
    assert tasks.run(run_id).state is RunState.SUCCESS
    assert tasks.get_result("t")["data"] == 2


def test_a_large_result_stays_where_it_is_until_somebody_asks(
    cluster: Cluster, make_manager: MakeManager, tmp_path: Path
) -> None:
    tasks = make_manager(cluster.settings(result_mb=64), retain_result_mb=200)
    tasks.submit("t", lambda handle: os.urandom(1 << 20) * 60)
    assert tasks.wait("t", 40)
    record = tasks.snapshot("t")
    assert record.state is RunState.SUCCESS
    assert record.result_bytes is not None
    assert record.result_bytes > 60 * 2**20
    run = tasks._book.find("t")
    assert isinstance(run.data, KeptResult)
    data = tasks.get_result("t")["data"]
    assert len(data) == 60 * 2**20
    assert run.data is data, "it is here now"
    tasks.submit("u", lambda handle: bytes(70 * 2**20))
    assert tasks.wait("u", 40)
    assert "result_mb" in (tasks.snapshot("u").error or "")


def test_results_that_nobody_asked_for_make_room_for_newer_ones(cluster: Cluster, make_manager: MakeManager) -> None:
    tasks = make_manager(cluster.settings(size=1, result_mb=2))  # twice that is kept by each worker
    for n in range(8):
        tasks.submit(f"t{n}", lambda handle: bytes(1_900_000))
    assert tasks.join_pool("default", 40)
    with pytest.raises(ResultExpired, match="made room for newer ones"):
        [tasks.get_result(f"t{n}") for n in range(8)]
    assert len(tasks.get_result("t7")["data"]) == 1_900_000


def test_an_argument_that_cannot_be_sent_is_named_at_submit(tasks: TaskManager) -> None:
    with pytest.raises(NotPortable, match="the argument 'lock'") as caught:
        tasks.submit("t", lambda handle, lock: None, {"lock": threading.Lock()})
    assert caught.value.argument == "lock"


def test_many_tiny_runs_all_end_and_leave_nothing_behind(cluster: Cluster, make_manager: MakeManager) -> None:
    tasks = make_manager(cluster.settings(size=8))
    # far more than slots, workers and kept messages; the benchmark does the same with 10,000
    ids = [tasks.submit(f"t{n}", lambda handle, n: n, {"n": n}) for n in range(200)]
    assert tasks.join_pool("default", 50)
    assert [tasks.get_result(f"t{n}")["data"] for n in range(200)] == list(range(200))
    assert {tasks.run(run_id).state for run_id in ids} == {RunState.SUCCESS}
    engine = tasks._pools["default"].engine
    assert isinstance(engine, DaskEngine)
    assert not engine._calls
    assert engine._link is not None
    wait_until(lambda: engine._link and not engine._link.client.futures, timeout_s=10, what="the last release")


def test_resources_decide_where_a_run_may_go(cluster: Cluster, make_manager: MakeManager) -> None:
    tasks = make_manager(cluster.settings(size=4))
    most = 0

    def use(handle: Any) -> tuple[float, float]:
        started = time.time()
        time.sleep(0.4)
        return started, time.time()

    for n in range(3):
        tasks.submit(f"t{n}", use, resources={"GPU": 1}, priority=n)
    assert tasks.join_pool("default", 40)
    running = sorted(tasks.get_result(f"t{n}")["data"] for n in range(3))
    for start, _ in running:
        most = max(most, sum(a <= start < b for a, b in running))
    assert most <= 2, "there are two GPUs"
    run_id = tasks.submit("never", use, resources={"TPU": 1})
    wait_until(lambda: cluster_of(tasks).waiting_for_resources == 1, timeout_s=15, what="the pool's picture")
    tasks.cancel("never")
    assert tasks.wait_run(run_id, 15)
    assert tasks.run(run_id).state is RunState.CANCELLED
    wait_until(lambda: cluster_of(tasks).waiting_for_resources == 0, timeout_s=15, what="the room")


def test_a_hard_stop_ends_what_no_exception_reaches(tasks: TaskManager, cluster: Cluster) -> None:
    run_id = tasks.submit("t", lambda handle: [None for _ in iter(lambda: sum(range(1_000)), None)])
    address_of(tasks, run_id)
    assert "sum" in tasks.stack(run_id) or "lambda" in tasks.stack(run_id)
    tasks.cancel("t")
    time.sleep(0.3)
    assert tasks.run(run_id).state is RunState.CANCELLING
    assert tasks.hard_stop(run_id, by="ada")
    assert tasks.wait_run(run_id, 5)
    record = tasks.run(run_id)
    assert (record.state, record.hard_stopped, record.orphaned) == (RunState.CANCELLED, True, False)
    assert len(cluster.ask()["workers"]) == 2, "the worker itself goes on"


def test_a_scheduler_that_is_not_there_is_an_error_that_names_it(make_manager: MakeManager) -> None:
    tasks = make_manager(PoolSettings(engine="dask", address="tcp://127.0.0.1:9", lost_after_s=0.5))
    run_id = tasks.submit("t", lambda handle: 1)
    assert tasks.wait_run(run_id, 20)
    record = tasks.run(run_id)
    assert record.state is RunState.ERROR
    assert "no scheduler at tcp://127.0.0.1:9" in (record.error or "")


def test_other_versions_are_told_in_one_line_and_another_python_is_refused(
    cluster: Cluster, make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from octostar_runtime.tasks.engines.dask import versions

    compare = versions.mismatch
    other = "2020.1.0"

    def told(found: Any) -> tuple[str, bool]:
        workers = {at: {"packages": {**said["packages"], **changed}} for at, said in found["workers"].items()}
        return compare({**found, "workers": workers})

    changed: dict[str, str] = {"distributed": other}
    monkeypatch.setattr(versions, "mismatch", told)
    tasks = make_manager(cluster.settings())
    tasks.submit("t", lambda handle: 1)
    assert tasks.wait("t", 20)
    assert f"and {other} on worker tls://" in cluster_of(tasks).notice
    assert [record for record in caplog.records if "versions differ on the cluster" in record.getMessage()]
    changed["python"] = "3.9.1.final.0"
    tasks = make_manager(cluster.settings())
    run_id = tasks.submit("t", lambda handle: 1)
    assert tasks.wait_run(run_id, 20)
    assert tasks.run(run_id).state is RunState.ERROR
    assert "use the same Python on every machine of the cluster" in (tasks.run(run_id).error or "")
    assert cluster_of(tasks).state == "refused"


def test_the_console_sees_who_executes_what(tasks: TaskManager) -> None:
    run_id = tasks.submit("t", lambda handle: handle.sleep(30))
    address = address_of(tasks, run_id)
    wait_until(lambda: [w for w in cluster_of(tasks).workers if run_id in w.runs], timeout_s=10, what="the picture")
    seen = cluster_of(tasks)
    assert seen.state == "up"
    assert seen.shared
    assert (seen.workers_total, seen.threads) == (2, 2)
    assert seen.memory > 0
    worker = next(w for w in seen.workers if w.address == address)
    assert worker.runs == (run_id,)
    assert worker.resources == ("GPU 1",)
    tasks.cancel("t")


def test_a_cluster_of_our_own_does_not_outlive_a_process_that_is_killed() -> None:
    script = """
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager
tasks = TaskManager(settings=Settings(pools={"default": PoolSettings(engine="dask", size=1, dashboard=False)}))
tasks.submit("t", lambda handle: handle.progress(1.0) or handle.sleep(60))
from octostar_runtime.testing import wait_until
wait_until(lambda: tasks.snapshot("t").progress, timeout_s=40)
print("running", flush=True)
tasks.wait("t")
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "running\n"
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
    wait_until(
        lambda: not [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE],
        timeout_s=15,
        what="the end of the cluster",
    )
