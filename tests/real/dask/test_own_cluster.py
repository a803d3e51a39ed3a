"""A cluster of our own, from its first worker to its rest. One is enough for all that can befall it."""

import os
import re
import socket
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from octostar_runtime.errors import InvalidInput
from octostar_runtime.idle.backends.pools import PoolBackend
from octostar_runtime.idle.services import Phase
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.tasks.engines.dask.engine import DaskEngine
from octostar_runtime.tasks.engines.dask.local import LocalCluster
from octostar_runtime.testing import wait_until
from tests.real.dask.conftest import MakeManager, address_of, cluster_of


def local_cluster(tasks: TaskManager) -> LocalCluster:
    engine = tasks._pools["default"].engine
    assert isinstance(engine, DaskEngine)
    assert engine._link is not None
    assert engine._link.cluster is not None
    return engine._link.cluster


def holds_the_gil(handle: Any, sign: str) -> Any:
    open(sign, "w").close()  # noqa: PTH123
    return re.match(r"(a+)+$", "a" * 64 + "b")


@pytest.mark.timeout(240)
def test_trap_9_and_the_life_of_a_cluster_of_our_own(make_manager: MakeManager, tmp_path: Path) -> None:
    own = make_manager(PoolSettings(engine="dask", size=1, worker_memory_mb=350, dashboard=True))
    reaches_its_memory_limit(own)
    listens_on_this_machine_alone_and_asks_who_is_there(own)
    has_no_such_resource(own)
    becomes_smaller_while_it_works(own)
    is_stopped_hard(own, tmp_path / "sign")
    comes_to_rest(own)


def reaches_its_memory_limit(own: TaskManager) -> None:
    def eat(handle: Any) -> int:
        kept = []
        for _ in range(400):
            kept.append(bytearray(os.urandom(1) * 20_000_000))
            time.sleep(0.05)
        return len(kept)

    run_id = own.submit("t", eat)
    assert own.wait_run(run_id, 60)
    record = own.run(run_id)
    assert record.state is RunState.ERROR
    assert "it reached its memory limit" in (record.error or "")
    assert "worker default-1" in (record.error or "")


def listens_on_this_machine_alone_and_asks_who_is_there(own: TaskManager) -> None:
    own.submit("t", lambda handle: None)
    assert own.wait("t", 40)
    heard = [
        connection.laddr.ip
        for process in local_cluster(own).processes()
        for connection in psutil.Process(process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(heard) >= 3
    assert set(heard) == {"127.0.0.1"}
    host, _, port = cluster_of(own).address.partition("://")[2].rpartition(":")
    nobody = ssl.create_default_context()
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        nobody.wrap_socket(plain) as guarded,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"),
    ):
        guarded.recv(1)


def has_no_such_resource(own: TaskManager) -> None:
    with pytest.raises(InvalidInput, match=r"no worker will ever have 1 GPU.*worker_resources"):
        own.submit("t", lambda handle: None, resources={"GPU": 1})


def becomes_smaller_while_it_works(own: TaskManager) -> None:
    def work(handle: Any) -> int:
        handle.progress(0.5)
        handle.sleep(2.0)
        return os.getpid()

    own.resize("default", 2)
    wait_until(lambda: cluster_of(own).workers_total == 2, timeout_s=40, what="the second worker")
    ids = [own.submit(f"t{n}", work) for n in range(2)]
    wait_until(lambda: all(own.run(run_id).progress for run_id in ids), timeout_s=20, what="both at work")
    own.resize("default", 1)
    assert own.join_pool("default", 30)
    assert [own.run(run_id).state for run_id in ids] == [RunState.SUCCESS] * 2
    assert own.get_result("t0")["data"] != own.get_result("t1")["data"]
    wait_until(lambda: cluster_of(own).workers_total == 1, timeout_s=20, what="the end of the surplus one")
    own.submit("t", lambda handle: "goes on")
    assert own.wait("t", 20)
    assert own.get_result("t")["data"] == "goes on"


def is_stopped_hard(own: TaskManager, sign: Path) -> None:
    run_id = own.submit("t", holds_the_gil, {"sign": str(sign)})
    before = address_of(own, run_id)
    wait_until(sign.exists, timeout_s=20, what="its beginning")
    time.sleep(0.1)
    assert own.hard_stop(run_id, by="ada")
    assert own.wait_run(run_id, 20)
    assert own.run(run_id).state is RunState.CANCELLED
    own.submit("t", lambda handle: "next")
    assert own.wait("t", 40)
    assert own.get_result("t")["data"] == "next"
    wait_until(
        lambda: before not in [worker.address for worker in cluster_of(own).workers], timeout_s=20, what="its end"
    )
    assert not [process for process in local_cluster(own).processes() if process.address == before]


def comes_to_rest(own: TaskManager) -> None:
    service = PoolBackend(own, "default", node_id="n1")
    held = own.submit("held", lambda handle: handle.sleep(60))
    address_of(own, held)
    assert service.probe().busy == 1
    processes = [psutil.Process(process.pid) for process in local_cluster(own).processes()]
    assert len(processes) == 2
    with urlopen(cluster_of(own).dashboard, timeout=20) as page:
        assert b"Dask" in page.read()
    own.cancel("held")
    assert own.wait_run(held, 10)
    wait_until(lambda: service.probe().busy == 0, what="rest")
    service.stop(timeout_s=10)
    assert service.probe().phase is Phase.STOPPED
    wait_until(
        lambda: not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE],
        timeout_s=15,
        what="the end of its processes",
    )
    assert cluster_of(own).state == "stopped"
