"""A node of a fleet as a process of its own: a publisher, a heart and a commander over made-up work, no Streamlit.

    python -m tests.support.fleet_process URL NODE_ID [--runs-per-second N]

Writes one line of JSON for each thing worth knowing to standard output; reads commands as the runtime would.
"""

import argparse
import contextlib
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from octostar_runtime.clock import SystemClock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.events import EventBus
from octostar_runtime.fleet import Fleet, LocalNode
from octostar_runtime.ids import new_id
from octostar_runtime.models.commands import CommandRecord
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import SessionRecord, SessionState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Publisher, Store, open_store


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class Work:
    """Runs that begin and end by themselves: the part of a task manager that a store sees."""

    def __init__(self, node_id: str, sessions: int) -> None:
        self.node_id = node_id
        self._lock = threading.Lock()
        self._live: dict[str, RunRecord] = {}
        self._dirty: dict[str, RunRecord] = {}
        self.ended = 0
        self.fenced = 0
        now = time.time()
        self.people = [
            SessionRecord(
                session_id=new_id(), node_id=node_id, state=SessionState.CONNECTED, connected_at=now, last_seen_at=now
            )
            for _ in range(sessions)
        ]
        self._people_dirty = list(self.people)

    def begin(self) -> None:
        now = time.time()
        run = RunRecord(
            run_id=new_id(),
            task_id=new_id(),
            name=random.choice(["load", "score", "report"]),
            pool="default",
            node_id=self.node_id,
            state=RunState.RUNNING,
            seq=1,
            queued_at=now,
            started_at=now,
            wait_s=0.0,
        )
        self._set(run)

    def end_oldest(self, keep: int) -> None:
        with self._lock:
            oldest = next(iter(self._live.values())) if len(self._live) > keep else None
        if oldest is not None:
            self._end(oldest, RunState.SUCCESS)

    def cancel(self, command: CommandRecord) -> Mapping[str, object]:
        with self._lock:
            run = self._live.get(str(command.args["run_id"]))
        if run is not None:
            self._end(run, RunState.CANCELLED)
        return {"cancelled": run is not None}

    def lose_all(self) -> None:
        """What the fleet gave up is given up here too."""
        self.fenced += 1
        with self._lock:
            live = list(self._live.values())
        for run in live:
            self._end(run, RunState.LOST)
        say(event="fenced", runs=len(live))

    def _end(self, run: RunRecord, state: RunState) -> None:
        now = time.time()
        self.ended += 1
        self._set(replace(run, state=state, seq=run.seq + 1, ended_at=now, run_s=now - run.queued_at))

    def _set(self, run: RunRecord) -> None:
        with self._lock:
            self._dirty[run.run_id] = run
            if run.terminal:
                self._live.pop(run.run_id, None)
            else:
                self._live[run.run_id] = run

    def live(self) -> tuple[RunRecord, ...]:
        with self._lock:
            return tuple(self._live.values())

    def drain(self, _limit: int) -> list[RunRecord]:
        with self._lock:
            dirty, self._dirty = list(self._dirty.values()), {}
        return dirty

    def drain_people(self) -> list[SessionRecord]:
        people, self._people_dirty = self._people_dirty, []
        return people

    def counts(self) -> dict[RunState, int]:
        return {RunState.RUNNING: len(self._live), RunState.SUCCESS: self.ended}


LEASE_TTL_S = 2.0


def contend(store: Store, node_id: str, stop: threading.Event) -> None:
    """Try for a lease again and again; say from when until when this node may believe that it holds it."""
    while not stop.wait(0.1):
        asked = time.monotonic()  # one clock for all processes of this machine
        with contextlib.suppress(StoreUnavailable):
            if store.leases.acquire("controller", node_id, LEASE_TTL_S):
                say(event="held", since=asked, until=asked + LEASE_TTL_S)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("node_id")
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--keep", type=int, default=20)
    parser.add_argument("--lease", action="store_true", help="contend for a lease and say when it is held")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which the process ends by itself")
    options = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_node(options, stop)


def run_node(options: argparse.Namespace, stop: threading.Event) -> None:
    clock, bus, node_id = SystemClock(), EventBus(), options.node_id
    now = time.time()
    node = NodeRecord(
        node_id=node_id, name=node_id, kind="worker", host="here", pid=0, version="1", started_at=now, heartbeat_at=now
    )
    store = open_store(options.url, clock=clock, node=node, settings=Settings())
    work = Work(node_id, sessions=2)
    publisher = Publisher(store, clock=clock, drain_runs=work.drain, drain_sessions=work.drain_people, bus=bus)
    local = LocalNode(runs=work.live, counts=work.counts, sessions=lambda: work.people, store_health=publisher.health)
    fleet = Fleet(node=node, clock=clock, store=store, local=local, on_fenced=work.lose_all)
    store.commander.handle("run.cancel", work.cancel)
    for part in (publisher, fleet, store.commander):
        part.start()
    say(event="ready", node_id=node_id)
    deadline = time.monotonic() + options.limit
    if options.lease:
        threading.Thread(target=contend, args=(store, node_id, stop), daemon=True).start()
    fine = True
    while not stop.wait(1.0 / options.rate) and time.monotonic() < deadline:
        work.begin()
        work.end_oldest(options.keep)
        publisher.on_change()
        if (health := publisher.health()).ok is not fine:
            fine = health.ok
            say(event="store away" if not fine else "store back", error=health.error, buffered=health.buffered)
    while work.live():
        work.end_oldest(0)
    stored = publisher.stop()
    fleet.stop()
    health = publisher.health()
    say(event="stopped", ended=work.ended, stored=stored, dropped=health.dropped, fenced=work.fenced)
    store.close()


if __name__ == "__main__":
    main()
