"""The engines that the contract runs over. To add one: a line in ENGINES and what makes its manager."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager

_SIZES = {"default": 2, "single": 1}
#: Makes a manager with the pools ``default`` (two workers) and ``single`` (one), ready to take work, and closes it.
MakeTasks = Callable[[], Any]


@contextmanager
def threads() -> Iterator[TaskManager]:
    """Runs in the slots' own threads."""
    with _manager("threads") as tasks:
        yield tasks


@contextmanager
def processes() -> Iterator[TaskManager]:
    """Runs in child processes that are never idle for too long."""
    with _manager("process", idle_s=3600.0) as tasks:
        yield tasks


@contextmanager
def dask() -> Iterator[TaskManager]:
    """Runs on clusters of our own, one for each pool: real schedulers and workers."""
    with _manager("dask") as tasks:
        yield tasks


ENGINES: dict[str, MakeTasks] = {"threads": threads, "process": processes, "dask": dask}


@contextmanager
def _manager(engine: Any, **attributes: Any) -> Iterator[TaskManager]:
    """Make the manager and let every slot do something, so that whatever it keeps is there before the first test."""
    pools = {name: PoolSettings(size=size, engine=engine, dashboard=False) for name, size in _SIZES.items()}
    tasks = TaskManager(node_id="n1", settings=Settings(pools=pools))
    try:
        for name, pool in tasks._pools.items():
            for attribute, value in attributes.items():
                setattr(pool.engine, attribute, value)
            for slot in range(pool.size):
                tasks.submit(f"warm-{name}-{slot}", lambda handle: handle.sleep(0.5), pool=name)
        for name in pools:
            assert tasks.join_pool(name, 60)
        yield tasks
    finally:
        tasks.close(10.0)
