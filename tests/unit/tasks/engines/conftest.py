"""A manager whose pool executes through bytes."""

import pytest

from octostar_runtime.tasks import TaskManager
from tests.unit.tasks.conftest import Gate, MakeManager, gate, make_manager, no_thread_left
from tests.unit.tasks.engines.loop import LoopEngine

__all__ = ["Gate", "gate", "make_manager", "no_thread_left"]


@pytest.fixture
def engine() -> LoopEngine:
    """The engine of the pool."""
    return LoopEngine()


@pytest.fixture
def looped(make_manager: MakeManager, engine: LoopEngine, monkeypatch: pytest.MonkeyPatch) -> TaskManager:
    """A manager with two workers that execute through bytes."""
    monkeypatch.setattr("octostar_runtime.tasks.pool_control.make_engine", lambda name, settings: engine)
    return make_manager()
