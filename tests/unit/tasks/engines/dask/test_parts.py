"""The parts of the Dask engine that need no cluster."""

import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from octostar_runtime.errors import InvalidInput, SettingsError
from octostar_runtime.models.pools import ClusterRecord
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import PoolSettings, load_settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.tasks.engines.dask import scheduler_side, security, versions
from octostar_runtime.tasks.engines.dask.engine import DaskEngine
from octostar_runtime.tasks.engines.dask.knock import in_words
from octostar_runtime.tasks.engines.dask.order import Told, key_of, run_of_key
from octostar_runtime.tasks.takeover import taken_over
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import cluster
from tests.support.fleet_samples import a_run
from tests.unit.tasks.conftest import make_manager, tasks

__all__ = ["make_manager", "tasks"]


def packages(**changed: str) -> dict[str, dict[str, str]]:
    same = {"python": "3.11.7.final.0", "distributed": "2026.8.0", "cloudpickle": "3.1.2", "octostar-runtime": "0.1.0"}
    return {"packages": {**same, **{name.replace("_", "-"): value for name, value in changed.items()}}}


def test_equal_versions_are_no_news() -> None:
    found = {
        "client": packages(),
        "scheduler": packages(python="3.11.2.final.0"),
        "workers": {"tls://w:1": packages()},
    }
    assert versions.mismatch(found) == ("", False)


def test_another_version_is_told_with_who_has_it() -> None:
    workers = {"tls://w:1": packages(distributed="2025.1.0"), "tls://w:2": packages(distributed="2025.1.0")}
    line, fatal = versions.mismatch({"client": packages(), "scheduler": packages(), "workers": workers})
    assert line == "distributed is 2026.8.0 here and 2025.1.0 on worker tls://w:1 (and 1 more)"
    assert not fatal


def test_another_python_cannot_work() -> None:
    found = {"client": packages(), "scheduler": packages(python="3.12.1.final.0"), "workers": {}}
    assert versions.mismatch(found) == ("python is 3.11 here and 3.12 on the scheduler", True)


def test_a_worker_that_says_nothing_has_nothing() -> None:
    line, _ = versions.mismatch({"client": packages(), "scheduler": packages(), "workers": {"tls://w:1": None}})
    assert "octostar-runtime is 0.1.0 here and missing on worker tls://w:1" in line


def test_no_key_is_used_twice_and_each_leads_to_its_run() -> None:
    keys = [key_of("r1", attempt, again) for attempt in (1, 2, 3) for again in (0, 1, 2)]
    assert len(set(keys)) == 9
    assert keys[0] == "r1"
    assert {run_of_key(key) for key in keys} == {"r1"}


def test_what_others_say_on_a_topic_is_refused() -> None:
    told = Told(key="k", kind="news", worker="w", address="tls://w:1", body=b"b")
    assert Told.read(told.wire()) == told
    for other in ("text", [1, 2], None):
        with pytest.raises(ValueError, match="not a message of a worker"):
            Told.read(other)


def test_certificates_must_be_there(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    assert security.from_files("gpu", ca=None, cert=None, key=None) is None
    with pytest.raises(SettingsError, match=r"pool 'gpu': tls_ca names .*ca.pem, which is no file"):
        security.from_files("gpu", **files)
    made = security.for_this_machine()
    for path, field in zip(files.values(), ("tls_ca_file", "tls_client_cert", "tls_client_key"), strict=True):
        path.write_text(made[field])
    fields = security.from_files("gpu", **files)
    assert fields is not None
    assert fields["tls_client_key"] == fields["tls_scheduler_key"] == str(files["key"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"address": "scheduler:8786"}, "write it as tls://host:port"),
        ({"address": "tcp://10.0.0.5:8786"}, "whoever reaches a scheduler can run code"),
        ({"address": "tls://10.0.0.5:8786"}, "needs tls_ca, tls_cert and tls_key"),
        ({"address": "tls://10.0.0.5:8786", "tls_ca": "ca.pem"}, "belong together"),
        (
            {"address": "tcp://127.0.0.1:1", "tls_ca": "a", "tls_cert": "b", "tls_key": "c"},
            "certificates are for a tls:// address",
        ),
        ({"tls_ca": "a", "tls_cert": "b", "tls_key": "c"}, "for a cluster with an address"),
        ({"address": "127.0.0.1:8786"}, "address: write it as tls://host:port"),
        ({"address": "tcp://127.0.0.1"}, "address: write it as tls://host:port"),
        ({"address": "tcp://127.0.0.1:scheduler"}, "address: write it as tls://host:port"),
        ({"worker_resources": {"GPU": -1}}, "worker_resources.GPU: Input should be greater than 0"),
    ],
)
def test_an_address_that_is_not_guarded_is_refused_with_the_fix(
    wrong: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    monkeypatch.setenv("OCTOSTAR_POOLS", json.dumps({"gpu": {"engine": "dask", **wrong}}))
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings()
    assert "OCTOSTAR_POOLS.gpu" in str(caught.value)


def test_other_machines_without_tls_must_be_asked_for() -> None:
    assert PoolSettings(engine="dask", address="tcp://10.0.0.5:8786", insecure=True).address
    assert PoolSettings(engine="dask", address="tcp://127.0.0.1:8786").address


@pytest.mark.parametrize("resources", [{"GPU": 0}, {"GPU": "one"}, {"": 1}, ["GPU"], {"GPU": True}])
def test_resources_that_make_no_sense_are_refused(tasks: TaskManager, resources: object) -> None:
    with pytest.raises(InvalidInput, match="resources must be amounts above 0 by name"):
        tasks.submit("t", lambda handle: None, resources=resources)  # type: ignore[arg-type]


def test_resources_need_a_pool_that_knows_them(tasks: TaskManager) -> None:
    with pytest.raises(InvalidInput, match="has engine 'threads', which knows no resources"):
        tasks.submit("t", lambda handle: None, resources={"GPU": 1})


def test_a_run_that_is_taken_over_is_what_its_record_says(tasks: TaskManager) -> None:
    record = a_run(1, RunState.RUNNING)
    run = taken_over(record, tasks._pools["default"], now=1_000.0, wall=record.queued_at + 60)
    assert (run.run_id, run.task_id, run.user, run.session_id) == (
        record.run_id,
        record.task_id,
        record.user,
        record.session_id,
    )
    assert run.seq > record.seq
    assert run.queued_mono == pytest.approx(940.0)
    assert run.fn is None, "it cannot be repeated here"


def test_the_pool_page_says_what_a_cluster_lacks() -> None:
    down = ClusterRecord(state="down", address="tls://c:1", notice="no answer", shared=True)
    tiles = {figure.label: figure for figure in cluster.cluster_figures(down)}
    assert (tiles["Cluster"].value, tiles["Cluster"].note, tiles["Cluster"].tone) == (
        "Out of reach",
        "no answer",
        "bad",
    )
    empty = {figure.label: figure for figure in cluster.cluster_figures(ClusterRecord(state="up"))}
    assert empty["Workers"].tone == "warn"
    assert cluster.dashboard(ClusterRecord(state="up", dashboard="javascript:alert(1)")) == ""
    assert cluster.cluster_table(down, {}, Links()).rows == []


@pytest.mark.parametrize("broken", ["tls_ca", "tls_cert", "tls_key"])
def test_files_that_hold_no_certificates_are_refused_at_start(tmp_path: Path, broken: str) -> None:
    made = security.for_this_machine()
    files = {"tls_ca": "tls_ca_file", "tls_cert": "tls_client_cert", "tls_key": "tls_client_key"}
    for name, field in files.items():
        (tmp_path / name).write_text("nothing" if name == broken else made[field])
    ca, cert, key = (tmp_path / name for name in files)
    with pytest.raises(SettingsError, match=f"{broken}.* cannot be used"):
        security.from_files("gpu", ca=ca, cert=cert, key=key)


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("tcp://h:1", ConnectionRefusedError(111, "refused"), "nobody listens there"),
        ("tls://h:1", socket.gaierror(-2, "Name or service not known"), "there is no machine of that name"),
        ("tcp://h:1", TimeoutError(), "not that of its dashboard? (TimeoutError)"),
        ("tls://h:1", OSError("TLS certificate does not match"), "the certificates do not fit"),
        ("tls://h:1", OSError("in <TLS (closed)>: SSLEOFError"), "speaks no TLS, or the certificates"),
        ("tcp://h:1", OSError("in <TCP (closed)>: Connection reset by peer"), "write tls:// and name certificates"),
        ("tcp://h:1", ValueError("who knows"), "it cannot be spoken to (ValueError: who knows)"),
    ],
)
def test_why_a_scheduler_does_not_answer_is_said_in_words(address: str, error: Exception, said: str) -> None:
    assert said in in_words(address, error)


def test_resources_that_no_worker_of_our_own_will_have_are_refused_at_submit() -> None:
    own = DaskEngine("gpu", PoolSettings(engine="dask", worker_resources={"GPU": 1}))
    assert own.lacks({"GPU": 1}) == ""
    assert "no worker will ever have 2 GPU, for each offers 1 GPU; set the pool's worker_resources" in own.lacks(
        {"GPU": 2}
    )
    assert "for each offers 1 GPU" in own.lacks({"TPU": 1})
    others = DaskEngine("gpu", PoolSettings(engine="dask", address="tcp://127.0.0.1:8786"))
    assert others.lacks({"TPU": 1}) == "", "a worker that has one may come"


@pytest.mark.parametrize(
    ("heard_s_ago", "held", "status"),
    [(0.1, False, "running"), (60.0, False, "silent"), (0.1, True, "closing_gracefully")],
)
def test_a_worker_that_is_silent_or_about_to_go_is_shown_as_that(heard_s_ago: float, held: bool, status: str) -> None:
    worker = SimpleNamespace(
        name="w1", address="tcp://h:1", status=SimpleNamespace(name="running"), nthreads=1, memory_limit=0,
        memory=SimpleNamespace(process=5), metrics={}, processing={}, resources={}, last_seen=time.time() - heard_s_ago,
    )  # fmt: skip
    scheduler: Any = SimpleNamespace(id="s", workers={worker.address: worker}, queued=(), unrunnable=(), clients={})
    if held:
        scheduler.octostar_held = {worker.address}
    assert scheduler_side.picture(scheduler)["workers"][0]["status"] == status


def test_a_surplus_worker_begins_nothing_new_and_goes_on_when_it_is_wanted_again() -> None:
    said: list[tuple[str, str]] = []

    def change(status: str, worker: Any, _: str) -> None:
        worker.status = SimpleNamespace(name=status)
        said.append((worker.address, status))

    def worker(address: str, status: str, *keys: str) -> SimpleNamespace:
        return SimpleNamespace(address=address, status=SimpleNamespace(name=status), processing=dict.fromkeys(keys))

    workers = [
        worker("a", "running"),
        worker("b", "running", "key"),
        worker("c", "running"),
        worker("d", "paused", "k"),
    ]
    scheduler: Any = SimpleNamespace(
        workers={found.address: found for found in workers}, handle_worker_status_change=change
    )
    assert scheduler_side.hold_back(["b", "c", "gone"], scheduler) == ["c"]
    assert said == [("b", "paused"), ("c", "paused")]
    assert scheduler_side.hold_back([], scheduler) == []
    assert said[2:] == [("b", "running"), ("c", "running")], "the one that Dask itself has paused stays so"


def test_a_cluster_that_is_started_again_has_the_size_that_the_pool_has_by_then() -> None:
    engine = DaskEngine("cpu", PoolSettings(engine="dask", size=2, threads_per_worker=2))
    engine.resize(5)
    cluster = engine._new_cluster()
    cluster.stop()
    assert cluster.wanted == 3
