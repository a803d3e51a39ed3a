"""The store: what publishing costs, how soon others see it, how fast commands and history queries are answered.

SQLite and PostgreSQL side by side (PostgreSQL in a throwaway cluster, when it is installed). ``--quick`` asks its
history queries over 100,000 runs instead of 1,000,000.
"""

import argparse
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.report import Report, parse_options
from octostar_runtime.clock import SystemClock
from octostar_runtime.errors import CommandFailed
from octostar_runtime.events import EventBus
from octostar_runtime.ids import new_id
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Batch, Publisher, Store, open_store
from octostar_runtime.store.database import Database
from octostar_runtime.store.publisher import ROWS_AT_ONCE
from octostar_runtime.tasks import TaskManager
from tests.support.postgres import running_postgres
from tests.support.tools import find_tool

TRANSITIONS_PER_S = 2_000
TICK_S = 0.01
NAMES = ("profile_csv", "score_batch", "render_report", "refresh_index", "import_feed", "send_mail")
USERS = tuple(f"user{number:03}@example.org" for number in range(200))
ERRORS = ("ValueError", "TimeoutError", "KeyError", "ConnectionError")
QUERIES = (
    "", "state:failed", "state:error", "state:live", "name:score_batch", "name:score*", "user:user007@example.org",
    "user:user00*", "name:import_feed state:error", "tag:nightly", "error:timeouterror", "longer:50s", "older:1h",
    "-state:success", "user117", "rows=123456", "score -state:success", "zzz-nothing", "pool:heavy state:failed",
)  # fmt: skip
SORTS = ("-queued_at", "queued_at", "-run_s", "-wait_s", "name", "user", "-ended_at")


def main() -> None:
    options = parse_options("store", __doc__, _with_runs)
    report = Report("store", quick=options.quick)
    runs = options.runs or (100_000 if options.quick else 1_000_000)
    with tempfile.TemporaryDirectory(prefix="octostar-bench-") as folder:
        sqlite = f"sqlite:///{folder}/store.sqlite3"
        seconds = 5.0 if options.quick else 20.0
        measure_flush(report, sqlite, "", seconds)
        measure_submit(report, f"sqlite:///{folder}/submit.sqlite3", rounds=3 if options.quick else 7)
        measure_commands(report, sqlite, "store.command_ack_p99_ms", 100 if options.quick else 300)
        measure_history(report, f"sqlite:///{folder}/history.sqlite3", "", runs)
        if find_tool("initdb"):
            with running_postgres() as server:
                url = server.new_database()
                measure_flush(report, url, "_pg", seconds)
                measure_commands(report, url, "store.command_ack_pg_p99_ms", 100 if options.quick else 300)
                if options.runs or not options.quick:
                    measure_history(report, server.new_database(), "_pg", runs)
    report.finish(as_json=options.json)


def _with_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, metavar="N", help="ask the history queries over N runs")


def node(name: str) -> NodeRecord:
    now = time.time()
    return NodeRecord(
        node_id=name, name=name, kind="app", host="here", pid=0, version="1", started_at=now, heartbeat_at=now
    )


@contextlib.contextmanager
def opened(url: str, name: str) -> Iterator[Store]:
    store = open_store(url, clock=SystemClock(), node=node(name), settings=Settings())
    try:
        yield store
    finally:
        store.close()


class Transitions:
    """Runs that are queued, start and end: a set number of changes a second, drained by a publisher."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dirty: dict[str, RunRecord] = {}
        self._live: list[RunRecord] = []
        self._begun = 0

    def tick(self, changes: int) -> RunRecord:
        """Make ``changes`` transitions and return the run that changed last."""
        run = None
        for _ in range(changes):
            run = self._step(self._live.pop(0)) if len(self._live) > 500 else self._begin()
            if not run.terminal:
                self._live.append(run)
            with self._lock:
                self._dirty[run.run_id] = run
        assert run is not None
        return run

    def _begin(self) -> RunRecord:
        self._begun += 1
        return a_run(self._begun, RunState.QUEUED, time.time(), node_id="bench")

    def _step(self, run: RunRecord) -> RunRecord:
        now = time.time()
        if run.state is RunState.QUEUED:
            return replace(run, state=RunState.RUNNING, seq=run.seq + 1, started_at=now, wait_s=now - run.queued_at)
        return replace(run, state=RunState.SUCCESS, seq=run.seq + 1, ended_at=now, run_s=0.01)

    def drain(self, _limit: int) -> list[RunRecord]:
        with self._lock:
            dirty, self._dirty = list(self._dirty.values()), {}
        return dirty


def measure_flush(report: Report, url: str, suffix: str, seconds: float) -> None:
    """CPU of the publisher's thread, and the time from a transition to its being seen through another connection."""
    work, lags = Transitions(), []
    with opened(url, "bench") as store, opened(url, "other") as other:
        publisher = Publisher(store, clock=SystemClock(), drain_runs=work.drain, drain_sessions=list, bus=EventBus())
        publisher.start()
        watched: list[tuple[RunRecord, float]] = []
        stop = threading.Event()

        def watch() -> None:
            while not stop.is_set():
                if not watched:
                    time.sleep(0.002)
                    continue
                run, changed_at = watched.pop(0)
                while (seen := other.runs.get(run.run_id)) is None or seen.seq < run.seq:
                    time.sleep(0.002)
                lags.append((time.monotonic() - changed_at) * 1000)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for _ in range(100):
            work.tick(int(TRANSITIONS_PER_S * TICK_S))  # warm up: imports, statements, the first pages
        publisher.flush_now()
        cpu, started = _publisher_cpu_s(), time.monotonic()
        next_tick, number = started, 0
        while time.monotonic() - started < seconds:
            run = work.tick(int(TRANSITIONS_PER_S * TICK_S))
            publisher.on_change()
            number += 1
            if number % 7 == 0 and not watched:
                watched.append((run, time.monotonic()))
            next_tick += TICK_S
            time.sleep(max(0.0, next_tick - time.monotonic()))
        spent = (_publisher_cpu_s() - cpu) / (time.monotonic() - started) * 100
        publisher.stop()
        stop.set()
        watcher.join()
    report.add(f"store.flush_cpu{suffix}_percent", spent, unit="%")
    report.add(f"store.flush_lag{suffix}_p99_ms", _percentile(lags, 0.99), unit="ms")


def _publisher_cpu_s() -> float:
    """CPU seconds of the publisher's thread so far, as the kernel counts them."""
    thread = next(each for each in threading.enumerate() if each.name == "octostar-publisher")
    return int(Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0]) / 1e9


def measure_submit(report: Report, url: str, *, rounds: int) -> None:
    """Throughput of no-op runs with a publisher and a store behind the task manager ÷ without."""
    ratios: list[float] = []
    with opened(url, "bench") as store:
        for number in range(rounds):
            rates = {which is store: _throughput(which) for which in ((store, None) if number % 2 else (None, store))}
            ratios.append(rates[True] / rates[False])
    report.add("store.submit_slowdown", ratios, unit="ratio")


def _throughput(store: Store | None) -> float:
    bus, clock = EventBus(), SystemClock()
    tasks = TaskManager(node_id="bench", clock=clock, sink=bus, settings=Settings())
    publisher = None
    if store is not None:
        publisher = Publisher(store, clock=clock, drain_runs=tasks.drain_changes, drain_sessions=list, bus=bus)
        tasks.on_change(publisher.on_change)
        publisher.start()
    count = 20_000
    started = time.perf_counter()
    for number in range(count):
        tasks.submit(f"t{number}", _nothing)
    for number in range(count):
        tasks.wait(f"t{number}", timeout_s=30)
    took = time.perf_counter() - started
    if publisher is not None:
        publisher.stop()
    tasks.close()
    return count / took


def _nothing(_: object) -> None:
    """The smallest task."""


def measure_commands(report: Report, url: str, figure: str, count: int) -> None:
    """Command → acknowledged by another process that makes 2,000 transitions a second meanwhile."""
    rate = str(TRANSITIONS_PER_S / 2)
    command = [sys.executable, "-m", "tests.support.fleet_process", url, "worker", "--rate", rate, "--limit", "100"]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    took: list[float] = []
    try:
        assert worker.stdout is not None
        worker.stdout.readline()
        with opened(url, "bench") as store:
            store.nodes.join(node("bench"))
            store.commander.start()
            time.sleep(1.5)
            for number in range(count):
                if number % 10 == 0:
                    store.nodes.beat("bench", at=time.time())
                started = time.perf_counter()
                with contextlib.suppress(CommandFailed):
                    store.commander.send("worker", "run.cancel", {"run_id": "none"}, actor=None)
                took.append((time.perf_counter() - started) * 1000)
                time.sleep(random.uniform(0.0, 0.03))
    finally:
        worker.terminate()
        worker.wait(30)
    report.add(figure, _percentile(took, 0.99), unit="ms")


def measure_history(report: Report, url: str, suffix: str, count: int) -> None:
    """The slowest twentieth of all that a console asks: pages, counts, deep pages, groups."""
    with opened(url, "bench") as store:
        fill(store, count)
        settle(store)
        took: list[float] = []
        worst: dict[str, float] = {}
        for name, ask in questions(store, count):
            samples = [_timed(ask) for _ in range(3)]
            took += samples
            worst[name] = statistics.median(samples)
        slowest = sorted(worst.items(), key=lambda item: -item[1])[:6]
        print("slowest:", ", ".join(f"{name!r} {ms:.0f} ms" for name, ms in slowest), file=sys.stderr)
    report.add(f"store.history_query{suffix}_p95_ms", _percentile(took, 0.95), unit="ms")


def questions(store: Store, count: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every kind of question, named."""
    for query in QUERIES:
        yield query, lambda query=query: store.runs.find(query, limit=50)  # type: ignore[misc]
    for sort in SORTS:
        yield f"sort {sort}", lambda sort=sort: store.runs.find("", limit=50, sort=sort)  # type: ignore[misc]
        yield f"failed by {sort}", lambda sort=sort: store.runs.find("state:failed", limit=50, sort=sort)  # type: ignore[misc]
    yield "deep page", lambda: store.runs.find("", limit=50, offset=int(count * 0.9))
    yield "by name", lambda: store.runs.groups("", by="name")
    yield "by error", lambda: store.runs.groups("state:failed", by="error")
    week = time.time() - 7 * 86_400
    yield "by hour", lambda: store.runs.buckets("", since=week, until=week + 86_400, step_s=3600)
    yield "counts", store.runs.counts


def fill(store: Store, count: int) -> None:
    """Store ``count`` ended runs of the last two weeks, of which one in twelve failed."""
    now = time.time()
    step = 14 * 86_400 / count
    for start in range(0, count, ROWS_AT_ONCE):  # as a publisher does, so that the search index keeps up
        batch = [
            a_run(number, _fate(number), now - 14 * 86_400 + number * step)
            for number in range(start, min(start + ROWS_AT_ONCE, count))
        ]
        store.write(Batch(runs=batch))


def settle(store: Store) -> None:
    """Let PostgreSQL do now what autovacuum has long done when so many runs have come one by one."""
    database = getattr(store, "database", None)
    if isinstance(database, Database) and not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE run")


def _fate(number: int) -> RunState:
    return (RunState.ERROR, RunState.CANCELLED)[number % 2] if number % 12 == 0 else RunState.SUCCESS


def a_run(number: int, state: RunState, queued_at: float, node_id: str = "earlier") -> RunRecord:
    dice = random.Random(number)
    ended = state.terminal
    failed = state is RunState.ERROR
    error_type = ERRORS[number // 12 % len(ERRORS)]
    return RunRecord(
        run_id=new_id(),
        task_id=f"task-{number}",
        name=NAMES[number % len(NAMES)],
        pool="heavy" if number % 6 == 1 else "default",
        node_id=node_id,
        state=state,
        seq=3 if ended else 1,
        queued_at=queued_at,
        session_id=f"session-{number % 5000}",
        user=USERS[number % len(USERS)],
        tags=("nightly",) if number % 50 == 0 else (),
        started_at=queued_at + 0.1 if ended else None,
        ended_at=queued_at + 1 if ended else None,
        wait_s=0.1 if ended else None,
        run_s=dice.expovariate(0.1) if ended else None,
        error_type=error_type if failed else None,
        error=f"something went wrong at row {number}" if failed else None,
        arguments=f"path='/data/{number % 997}.csv', rows={number}",
    )


def _timed(ask: Callable[[], object]) -> float:
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) * 1000


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    main()
