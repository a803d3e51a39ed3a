"""The console over made-up data, as a Streamlit script: ``streamlit run tests/support/console_demo.py``.

For looking at pages and for page tests; nothing an action does here has an effect.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import streamlit as st

from octostar_runtime.access import Access
from octostar_runtime.access.visible import View
from octostar_runtime.clock import SystemClock
from octostar_runtime.events import EventBus
from octostar_runtime.idle import Hold
from octostar_runtime.idle.whatif import History, ReplayedService, Stay
from octostar_runtime.models.access import ANONYMOUS, Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import Notice
from octostar_runtime.operations import Operations
from octostar_runtime.ports import Documents, RunPage
from octostar_runtime.query import parse
from octostar_runtime.runtime.usage import Usage
from octostar_runtime.settings import Settings
from octostar_runtime.store.memory import MemoryRuns
from octostar_runtime.ui import entry, machine
from octostar_runtime.ui.machine import Machine
from octostar_runtime.ui.queries.tasks import Listed
from tests.support import fleet_samples as samples
from tests.support.credentials import DictCredentials


class RecordedOperations:
    """Accepts every operation and remembers it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def operation(*args: Any, **kwargs: Any) -> Any:
            self.done.append((name, args, kwargs))
            if name == "run_detail":
                return next(run for run in samples.sample_runs() if run.run_id == args[0])
            if name in ("run_stack", "service_log"):
                return "line 1\nline 2"
            if name == "hard_stop_run":
                return Outcome(target=args[0], ok=True)
            targets = args[0] if args and isinstance(args[0], list | tuple) else ["one"]
            return tuple(Outcome(target=str(target), ok=True) for target in targets)

        return operation


class DemoDocuments:
    """No stored policy: the built-in one is in force."""

    def load(self, _: str) -> None:
        return None

    def history(self, _: str, *, limit: int) -> list[object]:
        return []


class DemoSource:
    """A source over the samples."""

    view = View(Settings())

    def __init__(self, snapshot: FleetSnapshot | None = None) -> None:
        self.snapshot = snapshot or samples.sample_snapshot(pools=(*samples.sample_pools(), samples.a_cluster_pool()))
        self.access = Access(
            settings=Settings(), credentials=DictCredentials(), sink=EventBus(), clock=SystemClock(), node_id="demo"
        )
        self.events: Sequence[Event] = samples.sample_events()
        self.recorded = RecordedOperations()
        self.operations = cast(Operations, self.recorded)
        self.documents = cast(Documents, DemoDocuments())

    settings = Settings()

    def machine(self) -> Machine:
        read = machine.read([], Path("/tmp"))
        # the made-up fleet lives at a moment of its own, and this machine does not
        return replace(read, processes=tuple(replace(one, started_at=samples.NOW - 9000) for one in read.processes))

    def now(self) -> float:
        return samples.NOW

    def find_runs(self, query: str, *, limit: int, offset: int, sort: str) -> RunPage:
        found = [run for run in self.snapshot.runs if parse(query).matches(run, samples.NOW)]
        name = sort.removeprefix("-")
        found.sort(key=lambda run: getattr(run, name) or 0, reverse=sort.startswith("-"))
        return Listed(runs=found[offset : offset + limit], total=len(found))

    def count_runs(self, query: str) -> int:
        return self.find_runs(query, limit=1, offset=0, sort="-queued_at").total

    def group_runs(self, query: str, *, by: str) -> RunGroups:
        return self._archive().groups(query, by=by)

    def bucket_runs(self, query: str, *, since: float, until: float, step_s: float) -> RunGroups:
        return self._archive().buckets(query, since=since, until=until, step_s=step_s)

    def _archive(self) -> MemoryRuns:
        runs = MemoryRuns(self.now, limit=10_000)
        runs.write(self.snapshot.runs)
        return runs

    def usage(self, window_s: float) -> Usage:
        now = self.now()
        stays = tuple(Stay(start=now - n * 5_000, end=now - n * 5_000 + 1_500) for n in range(1, 120))
        return Usage(history=History(start=now - window_s, end=now, stays=stays), complete=True)

    def replayed(self, service: ServiceRecord) -> ReplayedService:
        return ReplayedService(name=service.name, kind=service.kind, start_s=4.2, memory_bytes=210 * 2**20)

    def run_detail(self, run_id: str, by: Principal) -> RunRecord:
        return next(run for run in self.snapshot.runs if run.run_id == run_id)

    def holds(self) -> Sequence[Hold]:
        now = self.now()
        return [Hold(hold_id="h1", owner="ada@example.org", reason="demo at noon", since=now, expires_at=now + 1800)]

    def notices(self) -> Sequence[Notice]:
        now = self.now()
        said = {"text": "Maintenance at 18:00", "level": "warning", "by": "ada@example.org"}
        return [Notice(notice_id="n1", at=now - 300, until=now + 1500, **said)]

    def find_events(self, *, kind: str = "", **_: Any) -> Sequence[Event]:
        return [event for event in self.events if event.kind.startswith(kind)] if kind else self.events


@st.cache_resource
def demo_source() -> DemoSource:
    return DemoSource()


if __name__ == "__main__":
    operator = Principal(name="olga@example.org", role=Role.OPERATOR, via="link")
    who = ANONYMOUS if st.query_params.get("as") == "stranger" else operator
    entry.run(Path(__file__).resolve().parents[2] / "pages", source=demo_source(), identify=lambda: who)
