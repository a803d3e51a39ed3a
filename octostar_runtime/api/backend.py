"""What the API needs of the runtime, and no more: :class:`octostar_runtime.runtime.Runtime` is one."""

from typing import Protocol

from octostar_runtime.access import Access
from octostar_runtime.clock import Clock
from octostar_runtime.events import EventBus
from octostar_runtime.fleet import Fleet
from octostar_runtime.idle import IdleController
from octostar_runtime.operations import Operations
from octostar_runtime.sessions.notice_book import NoticeBook
from octostar_runtime.settings import Settings
from octostar_runtime.store import Publisher, Store
from octostar_runtime.tasks import TaskManager
from octostar_runtime.telemetry import Spans


class Backend(Protocol):
    """A started runtime, as the routes see it."""

    @property
    def settings(self) -> Settings: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def bus(self) -> EventBus: ...

    @property
    def spans(self) -> Spans: ...

    @property
    def access(self) -> Access: ...

    @property
    def operations(self) -> Operations: ...

    @property
    def fleet(self) -> Fleet: ...

    @property
    def store(self) -> Store: ...

    @property
    def publisher(self) -> Publisher: ...

    @property
    def tasks(self) -> TaskManager: ...

    @property
    def idle(self) -> IdleController: ...

    @property
    def notices(self) -> NoticeBook: ...
