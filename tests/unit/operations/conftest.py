"""A whole runtime in memory: operations are tested against what they operate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.runtime import Runtime
from octostar_runtime.settings import Settings


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    runtime = Runtime(kind="app", settings=Settings(database_url="memory:", state_dir=tmp_path))
    runtime.start()
    yield runtime
    runtime.stop()


@pytest.fixture
def events(runtime: Runtime) -> list[Event]:
    heard: list[Event] = []
    runtime.bus.subscribe(heard.append)
    return heard


@pytest.fixture
def operator() -> Principal:
    return Principal(name="ada", role=Role.OPERATOR, via="password")


@pytest.fixture
def viewer() -> Principal:
    return Principal(name="vic", role=Role.VIEWER, via="password")
