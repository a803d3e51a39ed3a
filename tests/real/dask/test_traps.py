"""The eleven traps of Dask, each under its number: what it does by itself, and what our users see instead.

Number 9, who listens where, is in ``test_own_cluster``; number 11, the replica that is gone, in ``test_replicas``.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from octostar_runtime.errors import ResultExpired
from octostar_runtime.models.runs import CancelOutcome, RunState
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.tasks.engines.dask import scheduler_side
from octostar_runtime.tasks.engines.dask.configure import KEPT_MESSAGES
from octostar_runtime.tasks.engines.dask.engine import DaskEngine
from octostar_runtime.testing import wait_until
from tests.real.dask.conftest import MakeManager, address_of
from tests.support.cut_line import cuttable
from tests.support.dask_cluster import Cluster


def engine_of(tasks: TaskManager) -> DaskEngine:
    engine = tasks._pools["default"].engine
    assert isinstance(engine, DaskEngine)
    return engine


def marks(path: Path) -> int:
    return len(path.read_text()) if path.exists() else 0


def test_trap_1_a_cancel_reaches_the_running_callable_which_keeps_its_slot_until_it_has_ended(
    tasks: TaskManager, tmp_path: Path
) -> None:
    cleaned = str(tmp_path / "cleaned")

    def work(handle: Any) -> None:
        event = handle.cancel_event
        started = time.perf_counter()
        for _ in range(1_000):
            event.is_set()
        handle.progress(message=f"{(time.perf_counter() - started) * 1e3:.1f}")
        try:
            while True:
                handle.check()
                time.sleep(0.002)
        finally:
            time.sleep(0.3)
            open(cleaned, "w").close()  # noqa: PTH123

    run_id = tasks.submit("t", work)
    wait_until(lambda: tasks.run(run_id).message, timeout_s=20, what="the first progress")
    asked = time.monotonic()
    assert tasks.cancel("t", by="ada")
    wait_until(lambda: (c := tasks.run(run_id).cancel) and c.acknowledged_after_s is not None, what="the answer")
    assert time.monotonic() - asked < 2
    assert tasks.run(run_id).state is RunState.CANCELLING
    assert tasks.pools()[0].busy == 1
    assert tasks.wait_run(run_id, 10)
    record = tasks.run(run_id)
    assert record.state is RunState.CANCELLED
    assert Path(cleaned).exists()
    assert record.cancel is not None
    assert record.cancel.outcome is CancelOutcome.STOPPED
    assert float(record.message or "inf") < 100, "a check of the flag must not ask the scheduler"


def test_trap_2_a_cancelled_task_can_be_submitted_again_at_once(tasks: TaskManager) -> None:
    def forever(handle: Any) -> None:
        while True:
            handle.sleep(0.01)

    seen = set()
    for _ in range(5):
        seen.add(tasks.submit("t", forever))
        wait_until(lambda: tasks.snapshot("t").state is RunState.RUNNING, timeout_s=10, what="its start")
        tasks.cancel("t")
    seen.add(tasks.submit("t", lambda handle: "at last"))
    assert tasks.wait("t", 20)
    assert tasks.get_result("t")["data"] == "at last"
    assert len(seen) == 6


@pytest.mark.parametrize("delay_s", [0.0, 0.3])
def test_trap_3_a_run_whose_worker_is_killed_ran_once_and_is_an_error_that_names_the_worker(
    tasks: TaskManager, tmp_path: Path, delay_s: float
) -> None:
    mark = tmp_path / "mark"

    def kill(handle: Any) -> None:
        with open(mark, "a") as file:  # noqa: PTH123
            file.write("x")
        time.sleep(delay_s)
        os.kill(os.getpid(), signal.SIGKILL)

    run_id = tasks.submit("t", kill)
    assert tasks.wait_run(run_id, 20)
    record = tasks.run(run_id)
    assert record.state is RunState.ERROR
    assert (record.error_type or "").endswith("WorkerDied")
    assert "worker shared-" in (record.error or "")
    assert "died while it executed this run" in (record.error or "")
    assert marks(mark) == 1


def test_trap_4_a_finished_result_is_not_computed_again_when_its_worker_dies(
    tasks: TaskManager, cluster: Cluster, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"

    def make(handle: Any) -> bytes:
        with open(mark, "a") as file:  # noqa: PTH123
            file.write("x")
        return b"x" * 3_000_000

    run_id = tasks.submit("t", make)
    assert tasks.wait_run(run_id, 20)
    where = address_of(tasks, run_id)
    os.kill(cluster.pid_of(where), signal.SIGKILL)
    wait_until(lambda: where not in cluster.ask()["workers"], timeout_s=10, what="its end")
    cluster.complete()
    with pytest.raises(ResultExpired, match="is gone: worker shared-"):
        tasks.get_result("t")
    assert tasks.run(run_id).state is RunState.SUCCESS
    assert marks(mark) == 1


def test_trap_5_what_only_waited_on_a_worker_does_not_fail_with_it(
    cluster: Cluster, make_manager: MakeManager, tmp_path: Path
) -> None:
    tasks = make_manager(cluster.settings(size=8))  # four times what the cluster has room for

    def work(handle: Any, n: int) -> int:
        with open(tmp_path / str(n), "a") as file:  # noqa: PTH123
            file.write("x")
        handle.sleep(0.5)
        return n

    ids = [tasks.submit(f"t{n}", work, {"n": n}) for n in range(8)]
    first = wait_until(
        lambda: next((i for i in ids if "://" in (tasks.run(i).worker or "")), None), timeout_s=20, what="a start"
    )
    os.kill(cluster.pid_of(address_of(tasks, str(first))), signal.SIGKILL)
    assert all(tasks.wait_run(run_id, 30) for run_id in ids)
    states = [tasks.run(run_id).state for run_id in ids]
    assert states.count(RunState.ERROR) <= 1, "only what executed there has failed"
    assert states.count(RunState.SUCCESS) >= 7
    assert all(marks(tmp_path / str(n)) == 1 for n in range(8)), "none ran twice"


def test_trap_6_progress_comes_again_after_the_line_was_cut(cluster: Cluster, make_manager: MakeManager) -> None:
    def count(handle: Any) -> str:
        for n in range(1_500):
            handle.progress(done=n, total=1_500)
            time.sleep(0.01)
        return "counted"

    with cuttable(cluster.address) as line:
        tasks = make_manager(cluster.settings(line.address))
        run_id = tasks.submit("t", count)
        wait_until(lambda: (tasks.run(run_id).done or 0) > 5, timeout_s=20, what="progress")
        line.cut()
        wait_until(lambda: tasks.run(run_id).state is RunState.UNKNOWN, timeout_s=15, what="UNKNOWN")
        before = tasks.run(run_id).done or 0
        line.mend()
        wait_until(lambda: tasks.run(run_id).state is RunState.RUNNING, timeout_s=20, what="the line")
        wait_until(lambda: (tasks.run(run_id).done or 0) > before + 20, timeout_s=20, what="new progress")
        tasks.cancel("t")
        assert tasks.wait_run(run_id, 20)
        assert tasks.run(run_id).state is RunState.CANCELLED
        states = [state for state, _ in tasks.run(run_id).timeline]
        assert states[:4] == [RunState.QUEUED, RunState.RUNNING, RunState.UNKNOWN, RunState.RUNNING]


def test_traps_7_and_10_a_task_hears_soon_that_its_scheduler_is_gone_and_workers_come_back_with_it(
    cluster: Cluster, make_manager: MakeManager, tmp_path: Path
) -> None:
    ended = tmp_path / "ended"

    def work(handle: Any) -> None:
        try:
            while True:
                handle.check()
                time.sleep(0.01)
        finally:
            ended.touch()

    before = cluster.complete()
    tasks = make_manager(cluster.settings())
    run_id = tasks.submit("t", work)
    address_of(tasks, run_id)
    cluster.kill_scheduler()
    # its own process ends soon afterwards; what counts is that nothing goes on unseen
    wait_until(lambda: tasks.run(run_id).state is not RunState.RUNNING, timeout_s=10, what="notice")
    assert tasks.wait_run(run_id, 45)
    record = tasks.run(run_id)
    assert record.state is RunState.LOST
    assert "no longer know this run" in (record.error or "")
    assert RunState.UNKNOWN in [state for state, _ in record.timeline]

    wait_until(lambda: cluster.ask()["scheduler"] != before["scheduler"], timeout_s=20, what="a new scheduler")
    after = cluster.complete()
    assert after["address"] == before["address"]
    assert not set(after["workers"].values()) & set(before["workers"].values())
    tasks.submit("t", lambda handle: 1)
    assert tasks.wait("t", 30)
    assert tasks.snapshot("t").state is RunState.SUCCESS


def test_trap_8_neither_many_nor_large_intermediate_values_pile_up(tasks: TaskManager) -> None:
    def work(handle: Any) -> str:
        for n in range(60):
            handle.progress(n / 60, partial=b"x" * 100_000)
            time.sleep(0.015)
        try:
            handle.progress(partial=b"x" * 2_000_000)
        except ValueError as error:
            return str(error)
        return "it was taken"

    run_id = tasks.submit("t", work)
    assert tasks.wait_run(run_id, 30)
    assert "over the limit of 1,048,576" in tasks.get_result("t")["data"]
    engine = engine_of(tasks)
    link = engine._link
    assert link is not None

    assert link.ask_scheduler(scheduler_side.kept_messages, engine.topic) == KEPT_MESSAGES


def test_a_cluster_of_others_must_not_be_used_in_the_clear() -> None:
    with pytest.raises(ValueError, match="whoever reaches a scheduler can run code"):
        PoolSettings(engine="dask", address="tcp://10.0.0.5:8786")
    assert PoolSettings(engine="dask", address="tcp://10.0.0.5:8786", insecure=True).address
    assert PoolSettings(engine="dask", address="tcp://127.0.0.1:8786").address
    with pytest.raises(ValueError, match="needs tls_ca, tls_cert and tls_key"):
        PoolSettings(engine="dask", address="tls://10.0.0.5:8786")
