"""One cluster for all of these tests, and managers whose one pool uses it."""

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from octostar_runtime.models.pools import ClusterRecord
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import wait_until
from tests.support.dask_cluster import Cluster, running_cluster

pytest.importorskip("distributed")
MakeManager = Callable[..., TaskManager]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real)
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
            # a client of Dask that loses its line leaves sockets to the garbage collector
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers of one thread each, with one GPU each to give away; what a test kills comes back."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2, gpus=1) as running:
        yield running


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """The cluster with all its workers."""
    shared.complete()
    return shared


@pytest.fixture
def make_manager() -> Iterator[MakeManager]:
    """Make managers with the one pool of these settings; closed afterwards."""
    made: list[TaskManager] = []

    def make(settings: PoolSettings, **more: Any) -> TaskManager:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Dask's own imports warn
            made.append(TaskManager(node_id="n1", settings=Settings(pools={"default": settings}, **more)))
        return made[-1]

    yield make
    for manager in made:
        manager.close(5.0)
    made.clear()
    gc.collect()  # what Dask leaves is collected here, where its warnings are expected


@pytest.fixture
def tasks(cluster: Cluster, make_manager: MakeManager) -> TaskManager:
    """A manager with two slots on the shared cluster."""
    return make_manager(cluster.settings())


def cluster_of(tasks: TaskManager) -> ClusterRecord:
    """Return what a manager's pool knows of its cluster."""
    seen = tasks.pools()[0].cluster
    assert seen is not None
    return seen


def address_of(tasks: TaskManager, run_id: str) -> str:
    """Return the address of the worker that executes a run, once it is known."""
    worker = wait_until(
        lambda: worker if "://" in (worker := tasks.run(run_id).worker or "") else None, timeout_s=20, what="its worker"
    )
    return str(worker).partition("(")[2].rstrip(")")
