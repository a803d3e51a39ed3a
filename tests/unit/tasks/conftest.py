"""A manager per test, closed afterwards, with no thread left behind."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from octostar_runtime.events import EventBus
from octostar_runtime.models.events import Event
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import wait_until

MakeManager = Callable[..., TaskManager]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail when a test leaves one of our threads alive."""
    before = set(threading.enumerate())
    yield
    wait_until(
        lambda: not [t for t in threading.enumerate() if t not in before and t.name.startswith("octostar-")],
        what="the end of the threads this test started",
    )


@pytest.fixture
def make_manager() -> Iterator[MakeManager]:
    """Make managers; ``size`` and ``pools`` set the pools, everything else is a setting."""
    made: list[TaskManager] = []

    def make(size: int = 2, clock: Any = None, sink: Any = None, pools: Any = None, **settings: Any) -> TaskManager:
        chosen = Settings(pools=pools or {"default": PoolSettings(size=size)}, **settings)
        made.append(TaskManager(node_id="n1", clock=clock, sink=sink, settings=chosen))
        return made[-1]

    yield make
    for manager in made:
        manager.close(5.0)


@pytest.fixture
def tasks(make_manager: MakeManager) -> TaskManager:
    """A manager with two workers."""
    return make_manager()


class Heard:
    """The events that were published, by kind."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.bus = EventBus()
        self.bus.subscribe(self.events.append)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def heard() -> Heard:
    """A bus that remembers."""
    return Heard()


class Gate:
    """A task that says when it has begun and ends when it is let go, whatever it is asked."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.opened = threading.Event()

    def __call__(self, handle: Any) -> str:
        self.begun.set()
        self.opened.wait(10)
        return "done"


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A task to hold a worker with; opened at the end at the latest."""
    one = Gate()
    yield one
    one.opened.set()
