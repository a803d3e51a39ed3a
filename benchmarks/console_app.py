"""The console over a store with 100,000 runs and a fleet of 1,000 sessions, as the application under measurement.

The pages, the store, the search and the web server are the real ones; the fleet's snapshot is made anew each second
from records that are there, so that what is measured is the console and not what a thousand browsers cost beside it.
Started by ``benchmarks.console``: ``python -m streamlit run benchmarks/console_app.py -- <store folder> <runs>``.
"""

import gc
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

from octostar_runtime.access import Access
from octostar_runtime.clock import SystemClock
from octostar_runtime.events import EventBus
from octostar_runtime.idle import Hold
from octostar_runtime.idle.holds import HoldBook
from octostar_runtime.ids import new_id
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.runtime.identity import make_node
from octostar_runtime.sessions.notice_book import NoticeBook
from octostar_runtime.settings import Settings
from octostar_runtime.store import Batch, Store, open_store
from octostar_runtime.store.publisher import ROWS_AT_ONCE
from octostar_runtime.ui import entry, machine
from octostar_runtime.ui.source import RuntimeSource
from tests.support import fleet_samples as samples

SESSIONS = 1_000
LIVE = 200
SHOWN = 2_000
ADMIN = Principal(name="bench", role=Role.ADMIN, via="local")


class Bench:
    """What :class:`RuntimeSource` reads of a runtime, over records instead of people."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.settings = Settings(state_dir=folder)
        self.clock = SystemClock()
        self.node = make_node(kind="ui", name="bench", clock=self.clock)
        self.store: Store = open_store(
            self.settings.store_url, clock=self.clock, node=self.node, settings=self.settings
        )
        self.access = Access(
            settings=self.settings,
            credentials=self.store.credentials,
            sink=EventBus(),
            clock=self.clock,
            node_id=self.node.node_id,
        )
        self.operations = None
        self.fleet = self
        self.idle = self
        self._book = HoldBook(self.store.leases, self.clock)
        self.notices = NoticeBook(self.store.leases, self.clock)
        shift = self.clock.time() - samples.NOW
        self._runs = tuple(_run(number, runs, shift) for number in range(runs))
        self._fill()
        self._counts = Counter(run.state for run in self._runs)
        self._base = samples.sample_snapshot()
        self._turn = 0
        self._sessions = [
            replace(
                samples.a_session(n), connected_at=self.clock.time() - 60 - n, last_interaction_at=self.clock.time()
            )
            for n in range(SESSIONS)
        ]
        self.snapshot = self._make()
        self._thread = PeriodicThread("bench-snapshot", self._next, interval_s=1.0)
        self._thread.start()
        PeriodicThread("bench-gc", gc.collect, interval_s=60.0).start()

    def holds(self) -> tuple[Hold, ...]:
        """Return what keeps everything awake, asked of the store as the idle controller does."""
        return self._book.all()

    def _fill(self) -> None:
        for start in range(0, len(self._runs), ROWS_AT_ONCE):  # as a node carries them, and the index keeps up
            self.store.write(Batch(runs=list(self._runs[start : start + ROWS_AT_ONCE])))
        self.store.write(
            Batch(
                events=[
                    replace(event, at=self.clock.time() - number, event_id=new_id())
                    for number, event in enumerate(samples.sample_events() * 10)
                ]
            )
        )

    def _next(self) -> None:
        self._turn += 1
        self.snapshot = self._make()

    def _make(self) -> FleetSnapshot:
        """Move on what moves in a busy fleet: progress, heartbeats, the machine's figures."""
        now = self.clock.time()
        live = [
            replace(run, progress=((self._turn * 7 + n) % 100) / 100, started_at=now - n)
            for n, run in enumerate(self._runs[:LIVE])
        ]
        beats = [
            replace(session, last_seen_at=now - number % 5) if number % 4 == self._turn % 4 else session
            for number, session in enumerate(self._sessions)
        ]
        self._sessions = beats
        sessions = tuple(beats)
        host = tuple(replace(sample, at=sample.at - samples.NOW + now // 2 * 2) for sample in self._base.host_history)
        return replace(
            self._base,
            taken_at=now,
            node_id=self.node.node_id,
            sessions=sessions,
            runs=(*live, *self._runs[LIVE:SHOWN]),
            counts=self._counts,
            host_history=host,
            host=host[-1],
        )


def _run(number: int, count: int, shift: float) -> RunRecord:
    state = RunState.RUNNING if number < LIVE else RunState.ERROR if number % 9 == 0 else RunState.SUCCESS
    record = samples.a_run(number % 5_000, state)
    at = samples.NOW + shift - number * (80_000 / count)
    return replace(
        record,
        run_id=samples.run_id(count - number),
        user=f"user{number % 997}@example.org",
        queued_at=at,
        started_at=at + 0.1,
        ended_at=None if number < LIVE else at + 5,
        logs=(),
        timeline=(),
    )


@cache
def bench_source() -> RuntimeSource:
    """Return the source all viewers share; made by the first one."""
    source = RuntimeSource(Bench(Path(sys.argv[1]), int(sys.argv[2])))  # type: ignore[arg-type]
    machine.read([], Path("/tmp"))
    gc.collect()
    gc.freeze()
    return source


if __name__ == "__main__":
    from benchmarks import console_app  # the cached one: Streamlit runs this file anew for each viewer

    entry.run(Path(__file__).resolve().parents[1] / "pages", source=console_app.bench_source(), identify=lambda: ADMIN)
