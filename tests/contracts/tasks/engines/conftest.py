"""One manager per engine for the whole suite: a process or a cluster takes its time to start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import wait_until
from tests.contracts.tasks.engines.engines import ENGINES


@pytest.fixture(scope="module", params=list(ENGINES))
def shared(request: pytest.FixtureRequest) -> Iterator[TaskManager]:
    """The manager of an engine."""
    with ENGINES[request.param]() as tasks:
        yield tasks


@pytest.fixture
def tasks(shared: TaskManager) -> Iterator[TaskManager]:
    """The manager, with nothing running before and after."""
    yield shared
    shared.cancel_where(lambda run: True)
    for pool in ("default", "single"):
        shared.resume(pool)
        assert shared.join_pool(pool, 20)


class Flag:
    """A sign between processes: a file that is there or not."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def set(self) -> None:
        """Raise it."""
        Path(self.path).touch()

    def wait(self, timeout_s: float = 20.0) -> None:
        """Wait until it is raised."""
        wait_until(Path(self.path).exists, what=self.path, timeout_s=timeout_s)


@pytest.fixture
def flag(tmp_path: Path) -> Flag:
    """A sign that is not raised yet."""
    return Flag(tmp_path / "flag")
