"""What a screen is handed: where the data comes from, who looks, and where the pages are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streamlit import Page

from octostar_runtime.access import Access
from octostar_runtime.access.visible import View
from octostar_runtime.idle import Hold
from octostar_runtime.idle.whatif import ReplayedService
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import Notice
from octostar_runtime.operations import Operations
from octostar_runtime.ports import Documents, RunPage
from octostar_runtime.runtime.usage import Usage
from octostar_runtime.settings import Settings
from octostar_runtime.ui.links import PAGES, Links
from octostar_runtime.ui.machine import Machine
from octostar_runtime.ui.queries.people import Eyes


class Source(Protocol):
    """Everything the console reads, and the one door through which it acts. One per process, shared by all viewers."""

    @property
    def snapshot(self) -> FleetSnapshot: ...

    @property
    def operations(self) -> Operations: ...

    @property
    def documents(self) -> Documents: ...

    @property
    def view(self) -> View: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def access(self) -> Access: ...

    def machine(self) -> Machine: ...

    def holds(self) -> Sequence[Hold]: ...

    def notices(self) -> Sequence[Notice]: ...

    def now(self) -> float: ...

    def find_runs(self, query: str, *, limit: int, offset: int, sort: str) -> RunPage: ...

    def count_runs(self, query: str) -> int: ...

    def group_runs(self, query: str, *, by: str) -> RunGroups: ...

    def bucket_runs(self, query: str, *, since: float, until: float, step_s: float) -> RunGroups: ...

    def usage(self, window_s: float) -> Usage: ...

    def replayed(self, service: ServiceRecord) -> ReplayedService: ...

    def run_detail(self, run_id: str, by: Principal) -> RunRecord: ...

    def find_events(
        self, *, kind: str = "", actor: str = "", text: str = "", audit: bool = False, before: str | None = None,
        limit: int = 100,
    ) -> Sequence[Event]: ...  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The console as one viewer has it open now."""

    source: Source
    identify: Callable[[], Principal]
    links: Links
    pages: Mapping[str, Page]
    refresh_s: float | None = 2.0
    times: str = "relative"
    ways: tuple[str, ...] = ("link",)  # how one can sign in here
    sign_out: Callable[[], None] | None = None  # None: whoever signed them in has to sign them out
    mounted: bool = False  # inside another app, which decides who is who
    other_titles: Mapping[str, str] = field(default_factory=dict)  # pages that are not the console's

    @property
    def snapshot(self) -> FleetSnapshot:
        """The frozen picture all viewers share."""
        return self.source.snapshot

    @property
    def principal(self) -> Principal:
        """Who looks, asked anew each time: a sign-in may have been revoked since the page was drawn."""
        return self.identify()

    @property
    def eyes(self) -> Eyes:
        """What this viewer may see of people."""
        return Eyes(self.source.view, self.principal)

    @property
    def titles(self) -> Mapping[str, str]:
        """The console's own pages: address to title."""
        own = {self.links.path(name): title for name, (_, title, _, _) in PAGES.items()}
        return {**own, **self.other_titles}

    @property
    def locked(self) -> str:
        """Why this viewer may not act; empty when they may."""
        role = self.principal.role
        return "" if role >= Role.OPERATOR else f"You are signed in as {role.name.lower()}; only operators may do this."
