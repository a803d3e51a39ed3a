"""Sign-in over every store there is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octostar_runtime.access import Access
from octostar_runtime.events import EventBus
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.settings import Settings
from octostar_runtime.store import open_store
from octostar_runtime.testing import ManualClock

OpenAccess = Callable[[str], Access]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite"])
def open_access(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[OpenAccess]:
    """Return a function that opens another process's view of the same store."""
    settings = Settings.model_validate({"state_dir": tmp_path})
    url = "memory:" if request.param == "memory" else settings.store_url
    opened = [open_store(url, clock=clock, node=_node("first"), settings=settings)]

    def access(node_id: str) -> Access:
        if request.param == "sqlite":
            opened.append(open_store(url, clock=clock, node=_node(node_id), settings=settings))
        return Access(
            settings=settings, credentials=opened[-1].credentials, sink=EventBus(), clock=clock, node_id=node_id
        )

    yield access
    for store in opened:
        store.close()


def _node(node_id: str) -> NodeRecord:
    return NodeRecord(
        node_id=node_id, name=node_id, kind="ui", host="h", pid=1, version="0", started_at=0.0, heartbeat_at=0.0
    )
