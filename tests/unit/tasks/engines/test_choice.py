"""Choosing the engine of a pool, from settings and from code."""

import importlib.util
from typing import Any

import pytest

from octostar_runtime.errors import SettingsError
from octostar_runtime.settings import PoolSettings, load_settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.tasks.engines.choice import make_engine
from octostar_runtime.threading.async_task_manager import AsyncTaskManager
from tests.unit.tasks.conftest import MakeManager


def without(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "octostar_runtime.tasks.engines.choice.find_spec", lambda name: None if name == missing else find_spec(name)
    )


def test_threads_are_the_default(tasks: TaskManager) -> None:
    assert [pool.engine for pool in tasks.pools()] == ["threads"]


@pytest.mark.parametrize(
    ("engine", "missing", "extra"),
    [("process", "pebble", "processes"), ("process", "cloudpickle", "processes"), ("dask", "distributed", "dask")],
)
def test_an_engine_whose_extra_is_missing_says_what_to_install(
    make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch, engine: str, missing: str, extra: str
) -> None:
    without(monkeypatch, missing)
    with pytest.raises(SettingsError) as caught:
        make_manager(pools={"cpu": {"engine": engine}})
    assert str(caught.value) == f"pool 'cpu': its engine '{engine}' needs pip install 'octostar-runtime[{extra}]'"


def test_an_unknown_engine_lists_those_there_are(tasks: TaskManager, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"pool 'x': engine: Input should be 'threads', 'process' or 'dask'"):
        tasks.add_pool("x", 1, engine="gpu")
    monkeypatch.setenv("OCTOSTAR_POOLS", '{"x": {"engine": "gpu"}}')
    with pytest.raises(SettingsError, match=r"OCTOSTAR_POOLS.x.engine: Input should be 'threads', 'process' or 'dask'"):
        load_settings()


@pytest.mark.parametrize("engine", ["threads", "process"])
def test_an_address_is_for_dask_alone(tasks: TaskManager, monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    with pytest.raises(
        SettingsError, match=f'pool \'x\': .*address is for engine "dask"; leave it out with "{engine}"'
    ):
        tasks.add_pool("x", 1, engine=engine, address="tcp://127.0.0.1:8786")
    monkeypatch.setenv("OCTOSTAR_POOLS", f'{{"x": {{"engine": "{engine}", "address": "tcp://h:1"}}}}')
    with pytest.raises(SettingsError, match=r"OCTOSTAR_POOLS\.x: address is for engine"):
        load_settings()


def test_each_pool_has_an_engine_of_its_own() -> None:
    settings = PoolSettings()
    assert make_engine("a", settings) is not make_engine("b", settings)


def test_a_declared_pool_moves_the_seeds_manager_to_another_engine(
    make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = make_manager(pools={"async-report": PoolSettings(size=3, engine="process", queue_limit=7)})
    monkeypatch.setattr("octostar_runtime.threading.async_task_manager._task_manager", lambda: manager)
    first, second, other = (AsyncTaskManager(10, kind) for kind in ("report", "report", "mail"))
    pools = {pool.name: (pool.engine, pool.size, pool.queue_limit) for pool in manager.pools()}
    assert pools["async-report"] == pools["async-report-2"] == ("process", 3, 7)
    assert pools["async-mail"] == ("threads", 10, 1_000_000)
    assert (first.max_workers, second.max_workers, other.max_workers) == (3, 3, 10)
    first.submit("t", lambda task: 7)
    first.join("t")
    assert first.get_result("t")["data"] == 7
    with pytest.raises(KeyError):
        second.get_result("t")
