"""Where the console reads: the runtime's shared snapshot, and the store's history through a small shared cache.

However many people watch, a question to the store is asked at most once a second and answered to all of them.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from octostar_runtime.access import Access
from octostar_runtime.access.visible import View
from octostar_runtime.idle import Hold
from octostar_runtime.idle.whatif import ReplayedService
from octostar_runtime.models.access import Principal
from octostar_runtime.models.events import Event
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import Notice
from octostar_runtime.operations import Operations
from octostar_runtime.ports import Documents, RunPage
from octostar_runtime.runtime.usage import Usage, recorded_usage, replayed
from octostar_runtime.settings import Settings
from octostar_runtime.ui import machine
from octostar_runtime.ui.machine import Machine

if TYPE_CHECKING:
    from octostar_runtime.runtime import Runtime

#: Seconds an answer of the store is shown to everybody before it is asked again.
FRESH_S = 1.0
KEPT = 64
#: Groups over all that is kept are dear: they are asked for again only after this many times what it took, so that at
#: most a fiftieth of a core goes into them, but at the latest after ``STALEST_S``.
REST, STALEST_S = 50.0, 20.0


class Shared:
    """A bounded cache by question; the same question from two viewers is asked once."""

    def __init__(
        self, monotonic: Callable[[], float], *, fresh_s: float = FRESH_S, rest: float = 0.0, kept: int = KEPT
    ) -> None:
        self._monotonic = monotonic
        self._fresh_s = fresh_s
        self._rest = rest
        self._kept = kept
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def get(self, question: Hashable, ask: Callable[[], Any]) -> Any:
        """Return the answer to ``question``, from ``ask()`` when the last one is not fresh any more."""
        now = self._monotonic()
        with self._lock:
            known = self._answers.get(question)
            if known is not None and now < known[0]:
                return known[1]
        answer = ask()  # not under the lock: a slow store must not stop those whose answer is known
        rest_s = min((self._monotonic() - now) * self._rest, STALEST_S)
        with self._lock:
            self._answers[question] = (now + max(self._fresh_s, rest_s), answer)
            self._answers.move_to_end(question)
            while len(self._answers) > self._kept:
                self._answers.popitem(last=False)
        return answer


class RuntimeSource:
    """The runtime as the console reads it."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._shared = Shared(runtime.clock.monotonic)
        self._slow = Shared(runtime.clock.monotonic, fresh_s=2.0, rest=REST)
        self._history = Shared(runtime.clock.monotonic, fresh_s=60.0, kept=6)
        self._view = View(runtime.settings)

    @property
    def runtime(self) -> "Runtime":
        """What this source reads."""
        return self._runtime

    @property
    def snapshot(self) -> FleetSnapshot:
        return self._runtime.fleet.snapshot

    @property
    def operations(self) -> Operations:
        return self._runtime.operations

    @property
    def documents(self) -> Documents:
        return self._runtime.store.documents

    @property
    def view(self) -> View:
        return self._view

    @property
    def settings(self) -> Settings:
        return self._runtime.settings

    @property
    def access(self) -> Access:
        return self._runtime.access

    def machine(self) -> Machine:
        def ask() -> Machine:
            # processes of other machines cannot be read from here
            pids = [node.pid for node in self.snapshot.nodes if node.host == self._runtime.node.host]
            return machine.read(pids, self._runtime.settings.state_dir)

        reading: Machine = self._slow.get("machine", ask)
        return reading

    def holds(self) -> Sequence[Hold]:
        held: Sequence[Hold] = self._shared.get("holds", self._runtime.idle.holds)
        return held

    def notices(self) -> Sequence[Notice]:
        lasting: Sequence[Notice] = self._shared.get("notices", self._runtime.notices.all)
        return lasting

    def now(self) -> float:
        return self._runtime.clock.time()

    def find_runs(self, query: str, *, limit: int, offset: int, sort: str) -> RunPage:
        def ask() -> RunPage:
            return self._runtime.store.runs.find(query, limit=limit, offset=offset, sort=sort)

        page: RunPage = self._shared.get(("runs", query, limit, offset, sort), ask)
        return page

    def count_runs(self, query: str) -> int:
        count: int = self._shared.get(("count", query), lambda: self._runtime.store.runs.count(query))
        return count

    def group_runs(self, query: str, *, by: str) -> RunGroups:
        groups: RunGroups = self._slow.get(("groups", query, by), lambda: self._runtime.store.runs.groups(query, by=by))
        return groups

    def bucket_runs(self, query: str, *, since: float, until: float, step_s: float) -> RunGroups:
        def ask() -> RunGroups:
            return self._runtime.store.runs.buckets(query, since=since, until=until, step_s=step_s)

        groups: RunGroups = self._slow.get(("buckets", query, since, until, step_s), ask)
        return groups

    def usage(self, window_s: float) -> Usage:
        """Return what was recorded in the last ``window_s`` seconds; read at most once a minute for all viewers."""

        def ask() -> Usage:
            now = self.now()
            return recorded_usage(self._runtime.store, since=now - window_s, until=now)

        found: Usage = self._history.get(("usage", window_s), ask)
        return found

    def replayed(self, service: ServiceRecord) -> ReplayedService:
        def ask() -> ReplayedService:
            return replayed(service, self.snapshot, self._runtime.store.events)

        found: ReplayedService = self._history.get(("replayed", service.name), ask)
        return found

    def run_detail(self, run_id: str, by: Principal) -> RunRecord:
        run: RunRecord = self._shared.get(("run", run_id), lambda: self.operations.run_detail(run_id, by=by))
        return run

    def find_events(
        self,
        *,
        kind: str = "",
        actor: str = "",
        text: str = "",
        audit: bool = False,
        before: str | None = None,
        limit: int = 100,
    ) -> Sequence[Event]:
        def ask() -> Sequence[Event]:
            return self._runtime.store.events.events(
                kind=kind, actor=actor, text=text, audit=audit, before=before, limit=limit
            )

        events: Sequence[Event] = self._shared.get(("events", kind, actor, text, audit, before, limit), ask)
        return events


@cache
def runtime_source() -> RuntimeSource:
    """Return the source of this process."""
    from octostar_runtime.runtime import get_runtime

    return RuntimeSource(get_runtime())
