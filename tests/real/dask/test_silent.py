"""Who does not answer without being gone: a worker or a scheduler that stands still, a server that is none."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks.engines.dask.link import Link
from octostar_runtime.testing import wait_until
from tests.real.dask.conftest import MakeManager, address_of, cluster_of
from tests.support.dask_cluster import Cluster


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Link, "answers_within_s", 2.0)
    monkeypatch.setattr(Link, "each_answers_within_s", 1.0)


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process that is there and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def count(handle: Any) -> None:
    for n in range(6_000):
        handle.progress(done=n)
        time.sleep(0.01)


def test_a_worker_that_stands_still_holds_up_nobody_but_its_own_run(
    cluster: Cluster, make_manager: MakeManager
) -> None:
    tasks = make_manager(cluster.settings(size=3))
    held = tasks.submit("held", count)
    address = address_of(tasks, held)
    with standing_still(cluster.pid_of(address)):
        # one slot more than the cluster has threads that do something
        runs = [tasks.submit(name, lambda handle: handle.sleep(60)) for name in ("one", "two")]
        wait_until(lambda: "none yet" in " ".join(tasks.run(run_id).worker or "" for run_id in runs), timeout_s=20)
        tasks.cancel("held", by="ada")
        for run_id in runs:
            tasks.cancel_run(run_id, by="ada")
        assert all(tasks.wait_run(run_id, 20) for run_id in runs)
        assert {tasks.run(run_id).state for run_id in runs} == {RunState.CANCELLED}
        assert tasks.run(held).state is RunState.CANCELLING
        another = make_manager(cluster.settings(size=1))
        another.submit("t", lambda handle: "it can be joined")
        wait_until(lambda: cluster_of(another).state == "up", timeout_s=20, what="the line of another")
    assert tasks.wait_run(held, 30)
    assert tasks.run(held).state is RunState.CANCELLED
    assert another.wait("t", 30)


def test_a_scheduler_that_stands_still_is_out_of_reach_until_it_goes_on(
    cluster: Cluster, make_manager: MakeManager
) -> None:
    tasks = make_manager(cluster.settings(size=1))
    run_id = tasks.submit("t", count)
    wait_until(lambda: (tasks.run(run_id).done or 0) > 2, timeout_s=20, what="progress")
    with standing_still(int(cluster.ask()["scheduler"])):
        wait_until(lambda: tasks.run(run_id).state is RunState.UNKNOWN, timeout_s=20, what="notice")
        before = tasks.run(run_id).done or 0
        assert cluster_of(tasks).state == "down"
    wait_until(lambda: tasks.run(run_id).state is RunState.RUNNING, timeout_s=30, what="the line")
    wait_until(lambda: (tasks.run(run_id).done or 0) > before, timeout_s=20, what="progress again")
    tasks.cancel("t")
    assert tasks.wait_run(run_id, 20)
    assert tasks.run(run_id).state is RunState.CANCELLED


def test_a_server_that_is_no_scheduler_is_an_error_that_says_so(make_manager: MakeManager) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        tasks = make_manager(PoolSettings(engine="dask", address=address, lost_after_s=0.5))
        run_id = tasks.submit("t", lambda handle: 1)
        assert tasks.wait_run(run_id, 20)
        record = tasks.run(run_id)
        assert record.state is RunState.ERROR
        assert f"no scheduler at {address}: what listens there does not answer" in (record.error or "")
