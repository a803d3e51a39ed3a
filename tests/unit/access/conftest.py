"""An Access with a manual clock, a dict for a store, and a bus whose events can be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from octostar_runtime.access import Access
from octostar_runtime.events import EventBus
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.settings import Settings
from octostar_runtime.testing import ManualClock
from tests.support.credentials import DictCredentials

ADMIN = Principal(name="ada", role=Role.ADMIN, via="password")
OPERATOR = Principal(name="olga", role=Role.OPERATOR, via="oidc")
VIEWER = Principal(name="vic", role=Role.VIEWER, via="oidc")

MakeAccess = Callable[..., Access]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def credentials() -> DictCredentials:
    return DictCredentials()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def make_access(
    clock: ManualClock, credentials: DictCredentials, events: list[Event], tmp_path: Path
) -> Callable[..., Access]:
    """Return a function that makes an Access from settings."""
    bus = EventBus()
    bus.subscribe(events.append)

    def make(**settings: object) -> Access:
        chosen = Settings.model_validate({"state_dir": tmp_path, **settings})
        return Access(settings=chosen, credentials=credentials, sink=bus, clock=clock, node_id="node-1")

    return make
