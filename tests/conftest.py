"""What holds for every test: nothing it started outlives it, and a tool that is missing does not pass silently."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.processes import alive, describe

#: Threads that belong to libraries which keep them for the next use.
KEPT = (
    "AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-", "pytest_timeout", "pydevd", "hypothesis", "Dummy-",
    "Dask-",
)  # fmt: skip
#: A real server or browser on a machine with other work takes several times as long as alone.
REAL_TIMEOUT_S = 120
GRACE_S = 10.0  # a machine that does three things at once takes its time to end threads


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Units first, real servers and browsers last: what is quick to fail fails first, and the browser's driver, which
    keeps an event loop running in the main thread, is not there yet where a test wants to run one of its own."""
    items.sort(key=lambda item: item.get_closest_marker("real") is not None)
    for item in items:
        if item.get_closest_marker("real") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(REAL_TIMEOUT_S))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests among processes (``-n 2``): see :mod:`tests.support.sharing`."""
    from tests.support.sharing import Sharing

    return Sharing(config, log)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fail a test after which one of its threads or child processes still lives."""
    threads = set(threading.enumerate())
    children = _children()
    yield
    deadline = time.monotonic() + GRACE_S
    while True:
        left = [t for t in threading.enumerate() if t not in threads and t.is_alive() and not t.name.startswith(KEPT)]
        orphans = _orphans(children)
        if not left and not orphans:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    pytest.fail(f"left behind: threads {[t.name for t in left]}, processes:\n{describe(orphans)}", pytrace=False)


def _children() -> set[int]:
    # psutil would read all of /proc, which adds up over thousands of tests
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile has no children
            found.update(map(int, task.read_text().split()))
    return found


def _orphans(before: set[int]) -> list[psutil.Process]:
    found = []
    for pid in _children() - before:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            found.append(psutil.Process(pid))
    return [process for process in alive(found) if not _is_kept(process)]


def _is_kept(process: psutil.Process) -> bool:
    # multiprocessing keeps one for all its processes, and ends it when its own process ends
    with suppress(psutil.Error):
        return "multiprocessing.resource_tracker" in " ".join(process.cmdline())
    return True  # it is gone
