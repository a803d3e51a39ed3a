"""A rich, made-up fleet: every state that the console can show, in a snapshot that never changes by itself.

Deterministic on purpose (a seeded generator, a fixed moment), so that a screenshot or a count is the same each time.
"""

import random
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from octostar_runtime.models.events import Event
from octostar_runtime.models.fleet import FleetSnapshot, HostSample, StoreHealth
from octostar_runtime.models.nodes import NodeRecord, NodeState
from octostar_runtime.models.pools import BusySpan, ClusterRecord, ClusterWorker, PoolRecord, Spread, WorkerRecord
from octostar_runtime.models.runs import WAITING, CancelOutcome, CancelRecord, LogLine, RunRecord, RunState
from octostar_runtime.models.services import Blocker, ServiceRecord, ServiceState
from octostar_runtime.models.sessions import CallbackRecord, EndReason, Life, SessionRecord, SessionState
from octostar_runtime.store.grouping import FAILED

NOW = 1_800_000_000.0
UI_NODE = "018cc251-f400-7000-8000-00000000000a"
API_NODE = "018cc251-f400-7000-8000-00000000000b"
LOST_NODE = "018cc251-f400-7000-8000-00000000000c"
NAMES = ("profile_csv", "score_batch", "render_report", "refresh_index", "import_feed")
USERS = ("ada@example.org", "grace@example.org", "linus@example.org", "margaret@example.org", None)
PAGES = ("patterns_parallelism", "patterns_backend", "patterns_browser", "patterns_initialization")
ERRORS = (
    ("ValueError", "could not convert string to float: 'n/a'"),
    ("TimeoutError", "the scoring service did not answer within 30 s"),
    ("KeyError", "'customer_id'"),
)
FRAMES = (
    ("rows = [self._score(row) for row in batch]", "_score", 'return float(row["amount"]) * weight'),
    ("weights = client.fetch(batch, timeout_s=30)", "fetch", "raise TimeoutError(NO_ANSWER) from None"),
    ("owners = [self._owner(row) for row in batch]", "_owner", 'return self._people[row["customer_id"]]'),
)

#: How the shares of work are called -> the seconds they are of.
WINDOWS = {"busy_1m": 60.0, "busy_5m": 300.0, "busy_15m": 900.0}


def run_id(number: int) -> str:
    return f"018cc251-f400-7000-9000-{number:012x}"


def session_id(number: int) -> str:
    return str(uuid.UUID(int=random.Random(number).getrandbits(128), version=4))


def a_run(number: int = 1, state: RunState = RunState.RUNNING, **changes: object) -> RunRecord:
    """Return one plausible run in ``state``."""
    dice = random.Random(number)
    queued_at = NOW - 20 - number * 7
    started = None if state in WAITING else queued_at + dice.uniform(0.01, 4)
    ended = started + dice.uniform(0.2, 60) if started is not None and state.terminal else None
    kind, message = ERRORS[number % len(ERRORS)]
    failed = state in (RunState.ERROR, RunState.TIMED_OUT)
    name = NAMES[number % len(NAMES)]
    record = RunRecord(
        run_id=run_id(number),
        task_id=f"{name}-{number}",
        name=name,
        pool="heavy" if name == "score_batch" else "default",
        node_id=UI_NODE,
        state=state,
        seq=3,
        queued_at=queued_at,
        session_id=session_id(number % 9),
        user=USERS[number % len(USERS)],
        tags=("nightly",) if number % 4 == 0 else (),
        started_at=started,
        ended_at=ended,
        wait_s=None if started is None else started - queued_at,
        run_s=None if ended is None or started is None else ended - started,
        cpu_s=None if ended is None or started is None else (ended - started) * 0.6,
        progress=dice.random() if state is RunState.RUNNING else (1.0 if state is RunState.SUCCESS else None),
        message="chunk 14 of 40" if state is RunState.RUNNING else None,
        error_type=kind if failed else None,
        error=message if failed else None,
        traceback=_traceback(number, name) if failed else None,
        arguments="path='sales.csv', api_key=•••, chunk_rows=25000",
        function=f"app.jobs.{name}",
        retriable=state.terminal,
        worker=f"default-{number % 10}" if started is not None else None,
        timeline=_timeline(queued_at, started, ended, state),
        logs=_logs(started) if started is not None else (),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def _traceback(number: int, name: str) -> str:
    kind, message = ERRORS[number % len(ERRORS)]
    outer, function, inner = FRAMES[number % len(FRAMES)]
    lines = [
        "Traceback (most recent call last):",
        f'  File "/srv/app/jobs/{name}.py", line 88, in {name}',
        f"    {outer}",
        f'  File "/srv/app/jobs/{name}.py", line 61, in {function}',
        f"    {inner}",
        f"{kind}: {message}",
    ]
    return "\n".join([*lines, ""])


def _timeline(
    queued: float, started: float | None, ended: float | None, state: RunState
) -> tuple[tuple[RunState, float], ...]:
    moments = [(RunState.QUEUED, queued)]
    if started is not None:
        moments.append((RunState.RUNNING, started))
    if ended is not None:
        moments.append((state, ended))
    return tuple(moments)


def _logs(started: float) -> tuple[LogLine, ...]:
    return (
        LogLine(at=started + 0.2, level="INFO", logger="app.jobs", text="reading sales.csv"),
        LogLine(at=started + 1.1, level="WARNING", logger="app.jobs", text="column 'amount' holds 3 empty values"),
        LogLine(at=started + 4.0, level="INFO", logger="app.jobs", text="chunk 14 of 40"),
    )


def a_stuck_run(number: int = 90) -> RunRecord:
    """Return a run that was asked to stop and does not answer."""
    asked = CancelRecord(
        requested_at=NOW - 95, by="ada@example.org", reason="wrong file", outcome=CancelOutcome.REQUESTED
    )
    queued, started = NOW - 341, NOW - 340
    timeline = (*_timeline(queued, started, None, RunState.RUNNING), (RunState.CANCELLING, asked.requested_at))
    return a_run(
        number, RunState.CANCELLING, stuck=True, cancel=asked, queued_at=queued, started_at=started, wait_s=1.0,
        timeline=timeline, logs=_logs(started), progress=0.31, pool="heavy", worker="heavy-1",
    )  # fmt: skip


def a_session(number: int = 1, **changes: object) -> SessionRecord:
    """Return one plausible connected session."""
    dice = random.Random(number)
    record = SessionRecord(
        session_id=session_id(number),
        node_id=UI_NODE,
        state=SessionState.CONNECTED,
        connected_at=NOW - 60 - number * 190,
        last_seen_at=NOW - dice.uniform(0.2, 2.5),
        user=USERS[number % len(USERS)],
        remote_address=f"10.20.0.{10 + number}",
        browser=("Firefox 141 · Linux", "Chrome 141 · Windows", "Safari 19 · macOS")[number % 3],
        page=PAGES[number % len(PAGES)],
        last_interaction_at=NOW - dice.uniform(1, min(400, 50 + number * 190)),
        last_run_at=NOW - dice.uniform(1, min(300, 50 + number * 190)),
        last_run_s=dice.uniform(0.02, 1.4),
        running=number % 5 == 0,
        reconnects=number % 3,
        bytes_in=dice.randrange(2_000, 90_000),
        bytes_out=dice.randrange(90_000, 9_000_000),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def sample_sessions() -> tuple[SessionRecord, ...]:
    """Return sessions in every state."""
    people = [a_session(number) for number in range(7)]
    people[2] = replace(people[2], life=Life.LATE, last_seen_at=NOW - 9)
    watching = a_session(7, observer=True, page="tasks", user="olga@example.org")
    gone = a_session(8, state=SessionState.DISCONNECTED, disconnected_at=NOW - 41, life=Life.LOST)
    dormant = a_session(9, state=SessionState.DORMANT, last_interaction_at=NOW - 7_000)
    ended = a_session(10, state=SessionState.ENDED, ended_at=NOW - 300, end_reason=EndReason.CLOSED)
    kicked = a_session(11, state=SessionState.ENDED, ended_at=NOW - 900, end_reason=EndReason.KICKED)
    return (*people, watching, gone, dormant, ended, kicked)


def sample_runs() -> tuple[RunRecord, ...]:
    """Return runs in every state, newest first."""
    live = [a_run(n, RunState.RUNNING) for n in range(1, 5)] + [a_run(n, RunState.QUEUED) for n in range(5, 11)]
    odd = [
        a_stuck_run(90),
        a_run(11, RunState.RETRY_WAIT, attempt=2, max_attempts=3),
        a_run(12, RunState.UNKNOWN, node_id=LOST_NODE),
        a_run(13, RunState.LOST, node_id=LOST_NODE, ended_at=NOW - 500),
        a_run(14, RunState.TIMED_OUT, timeout_s=30.0),
    ]
    cancelled = [
        a_run(
            n,
            RunState.CANCELLED,
            cancel=CancelRecord(
                requested_at=NOW - 300,
                by="olga@example.org",
                reason="superseded" if n % 2 else "wrong month",
                outcome=CancelOutcome.STOPPED,
                acknowledged_after_s=0.08,
                stopped_after_s=0.41,
            ),
        )
        for n in range(15, 21)
    ]
    failed = [a_run(n, RunState.ERROR) for n in range(21, 34)]
    done = [a_run(n, RunState.SUCCESS) for n in range(34, 80)]
    return tuple(sorted([*live, *odd, *cancelled, *failed, *done], key=lambda r: r.queued_at, reverse=True))


def sample_pools() -> tuple[PoolRecord, ...]:
    """Return two pools, one of them with a stuck worker."""
    spread = Spread(count=412, p50_s=0.8, p95_s=9.4, max_s=31.0)
    wait = Spread(count=412, p50_s=0.02, p95_s=2.1, max_s=6.4)
    return (
        PoolRecord(
            name="default",
            node_id=UI_NODE,
            size=10,
            busy=4,
            queued=6,
            queue_limit=1_000_000,
            wait=wait,
            run=spread,
            **_staff("default", 10),
        ),
        PoolRecord(
            name="heavy",
            node_id=UI_NODE,
            size=2,
            busy=2,
            queued=0,
            queue_limit=500,
            per_session_limit=1,
            stuck=1,
            wait=wait,
            run=spread,
            **_staff("heavy", 2),
            rejected=3,
        ),
    )


def _staff(pool: str, size: int) -> dict[str, Any]:
    """Return the workers of a pool and its use, which is the mean of theirs."""
    workers = tuple(_worker(pool, number) for number in range(size))
    use = {name: sum(getattr(worker, name) for worker in workers) / size for name in WINDOWS}
    return {"workers": workers, **use}


def _worker(pool: str, number: int) -> WorkerRecord:
    dice = random.Random(f"{pool}{number}")
    stuck = pool == "heavy" and number == 1
    run = a_stuck_run() if stuck else a_run(number + 1) if number < 4 or pool == "heavy" else None
    since = NOW - 40 if run is None or run.started_at is None else run.started_at
    at, spans = NOW - 900, []
    breaks = 8 if pool == "heavy" else 50
    while (at := at + dice.uniform(2, breaks)) < since - 5:
        length = dice.uniform(2, 70)
        spans.append(
            BusySpan(
                run_id=run_id(dice.randrange(34, 80)),
                name=dice.choice(NAMES),
                started_at=at,
                ended_at=min(at + length, since - 1),
            )
        )
        at += length
    if run is not None:
        spans.append(BusySpan(run_id=run.run_id, name=run.name, started_at=since, ended_at=None))
    return WorkerRecord(
        name=f"{pool}-{number}",
        state="idle" if run is None else "stuck" if stuck else "busy",
        run_id=None if run is None else run.run_id,
        since=since,
        runs=len(spans) + dice.randrange(10, 90),
        spans=tuple(spans),
        **{name: _busy(spans, seconds) for name, seconds in WINDOWS.items()},
    )


def _busy(spans: Iterable[BusySpan], seconds: float) -> float:
    """Return which share of the last ``seconds`` was work."""
    begin = NOW - seconds
    return sum(max(0.0, (span.ended_at or NOW) - max(span.started_at, begin)) for span in spans) / seconds


def a_cluster_pool() -> PoolRecord:
    """Return a pool whose runs a shared Dask cluster executes, with a worker in every state."""
    told = (
        ("rack-1-a", "running", 4, 3.1, 87.0, (run_id(1), run_id(2)), ()),
        ("rack-1-b", "running", 4, 0.4, 2.0, (), ()),
        ("rack-2-a", "running", 8, 11.6, 412.0, (run_id(3),), ("GPU", "FAST_DISK")),
        ("rack-2-b", "paused", 8, 14.9, 3.0, (), ("GPU",)),
        ("rack-3-a", "closing_gracefully", 2, 0.2, 0.0, (), ()),
    )
    limits = {4: 8, 8: 16, 2: 0}
    workers = tuple(
        ClusterWorker(
            name=name, address=f"tls://10.20.7.{10 + n}:{40_000 + n * 137}", status=status, threads=threads,
            memory=int(used * 2**30), memory_limit=limits[threads] * 2**30, cpu_percent=cpu, runs=runs, resources=has,
        )
        for n, (name, status, threads, used, cpu, runs, has) in enumerate(told)
    )  # fmt: skip
    cluster = ClusterRecord(
        state="up", address="tls://scheduler.example.org:8786", dashboard="http://scheduler.example.org:8787/status",
        shared=True, queued=14, waiting_for_resources=2, clients=3, workers_total=len(workers), threads=26,
        memory=sum(worker.memory for worker in workers), memory_limit=48 * 2**30, workers=workers,
    )  # fmt: skip
    spread = Spread(count=96, p50_s=14.2, p95_s=71.0, max_s=188.0)
    return PoolRecord(
        name="cluster", node_id=UI_NODE, engine="dask", size=3, busy=3, queued=5, queue_limit=10_000,
        wait=Spread(count=96, p50_s=0.4, p95_s=8.8, max_s=20.0), run=spread, cluster=cluster, **_staff("cluster", 3),
    )  # fmt: skip


def sample_nodes() -> tuple[NodeRecord, ...]:
    """Return a healthy pair and one that went silent."""
    common: dict[str, Any] = {"version": "0.1.0", "host": "app-1"}
    meta = {"cpu_percent": 23.0, "memory": 412 * 2**20, "threads": 31, "python": "3.11.9", "streamlit": "1.67.0"}
    return (
        NodeRecord(
            node_id=UI_NODE, name="app-1", kind="ui", pid=4121, started_at=NOW - 9000, heartbeat_at=NOW - 0.6,
            clock_skew_s=0.01, meta=meta, **common,
        ),
        NodeRecord(
            node_id=API_NODE, name="app-1", kind="api", pid=4122, started_at=NOW - 9000, heartbeat_at=NOW - 0.4,
            clock_skew_s=0.0, meta={**meta, "memory": 96 * 2**20, "streamlit": None}, **common,
        ),
        NodeRecord(
            node_id=LOST_NODE, name="app-2", kind="worker", pid=977, started_at=NOW - 40_000, heartbeat_at=NOW - 512,
            state=NodeState.LOST, version="0.1.0", host="app-2",
        ),
    )  # fmt: skip


def sample_services() -> tuple[ServiceRecord, ...]:
    """Return services in the states an operator meets."""
    people = tuple(
        Blocker(kind="session", id=session_id(n), since=NOW - 60 - n * 190, label=USERS[n % 5] or "anonymous")
        for n in range(3)
    )
    work = (Blocker(kind="run", id=run_id(1), since=NOW - 27, label="score_batch"),)
    return (
        ServiceRecord(
            name="pool", kind="pool", node_id=UI_NODE, state=ServiceState.READY, since=NOW - 5200, generation=3,
            idle_after_s=300, blockers=(*people, *work),
        ),
        ServiceRecord(
            name="model", kind="hook", node_id=UI_NODE, state=ServiceState.WARNED, since=NOW - 60, generation=5,
            idle_after_s=600, stops_at=NOW + 74,
        ),
        ServiceRecord(
            name="ui", kind="program", node_id=API_NODE, state=ServiceState.READY, since=NOW - 9000, generation=1,
            idle_after_s=1800, pid=4121, blockers=people, depends_on=("pool",),
        ),
        ServiceRecord(
            name="dask-workers", kind="program", node_id=API_NODE, state=ServiceState.FAILED, since=NOW - 130,
            generation=7, idle_after_s=300, restarts=3, error="exited with code 1 before it was healthy",
        ),
        ServiceRecord(
            name="thumbnail-cache", kind="cache", node_id=UI_NODE, state=ServiceState.STOPPED, since=NOW - 3100,
            generation=2, idle_after_s=300,
        ),
    )  # fmt: skip


def sample_host(points: int = 450) -> tuple[HostSample, ...]:
    """Return fifteen minutes of readings, one every two seconds."""
    dice = random.Random(7)
    samples, cpu, memory = [], 20.0, 5.1
    for index in range(points):
        cpu = min(97.0, max(3.0, cpu + dice.uniform(-6, 6)))
        memory = min(7.5, max(4.2, memory + dice.uniform(-0.05, 0.055)))
        busy = min(1.0, max(0.0, 0.4 + 0.35 * dice.uniform(-1, 1)))
        samples.append(
            HostSample(
                at=NOW - (points - 1 - index) * 2,
                scope="container",
                cpu_percent=cpu,
                memory_used=int(memory * 2**30),
                memory_limit=8 * 2**30,
                process_cpu_percent=cpu / 2,
                process_memory=int(412 * 2**20 + index * 2**12),
                people=5 + (index // 60) % 4,
                running=int(12 * busy),
                queued=max(0, int(dice.uniform(-4, 9))),
                busy_share=busy,
            )
        )
    return tuple(samples)


def sample_snapshot(**changes: object) -> FleetSnapshot:
    """Return the whole picture."""
    runs = sample_runs()
    host = sample_host()
    snapshot = FleetSnapshot(
        taken_at=NOW,
        node_id=UI_NODE,
        nodes=sample_nodes(),
        sessions=sample_sessions(),
        runs=runs,
        runs_limit=5000,
        counts=Counter(run.state for run in runs) + Counter({RunState.SUCCESS: 48_211}),
        failed_last_hour=sum(run.state in FAILED for run in runs),  # all of them ended within it
        oldest_wait_s=NOW - min(run.queued_at for run in runs if run.state is RunState.QUEUED),
        pools=sample_pools(),
        services=sample_services(),
        callbacks=(
            CallbackRecord(name="audit_start", event="start", session_id=None, calls=214, last_s=0.002),
            CallbackRecord(
                name="push_presence", event="heartbeat", session_id=None, calls=9211, failures=41, slow=3, dropped=12,
                last_error="ConnectionError: presence service refused the connection", last_s=0.9,
            ),
        ),
        host=host[-1],
        host_history=host,
        host_day=tuple(
            replace(host[number % len(host)], at=NOW - 86_400 + number * 300, people=number // 24 % 9)
            for number in range(288)
        ),
        store=StoreHealth(url="sqlite:///.octostar/store.sqlite3", buffered=4, lag_s=0.21),
        policy_mode="enforce",
        policy_version=7,
    )  # fmt: skip
    return replace(snapshot, **changes)  # type: ignore[arg-type]


def empty_snapshot() -> FleetSnapshot:
    """Return a fleet in which nothing has happened yet."""
    return FleetSnapshot(taken_at=NOW, node_id=UI_NODE, nodes=sample_nodes()[:1], runs_limit=5000)


def sample_events() -> tuple[Event, ...]:
    """Return some history, newest first."""
    told: list[tuple[str, str, str | None, str | None, dict[str, object]]] = [
        ("run.failed", run_id(21), None, None, {"name": "refresh_index"}),
        ("session.started", session_id(1), None, None, {"user": "grace@example.org"}),
        ("run.cancel_requested", run_id(90), "ada@example.org", "wrong file", {"count": 1, "done": 1}),
        ("pool.resize_requested", "default", "olga@example.org", "month end", {"before": 6, "after": 10}),
        ("service.stopped", "thumbnail-cache", None, "nobody connected for 5 min", {}),
        (
            "session.message_requested",
            "5 targets",
            "olga@example.org",
            None,
            {"count": 5, "done": 5, "text": "Back at 6"},
        ),
        ("policy.saved", "idle", "ada@example.org", "longer evenings", {"before": 6, "after": 7}),
        ("access.signed_in", "olga@example.org", "olga@example.org", None, {}),
        ("node.lost", LOST_NODE, None, None, {"name": "app-2"}),
    ]
    return tuple(
        Event(kind=kind, subject=subject, actor=actor, reason=reason, data=data, at=NOW - 12 - 47 * index,
              node_id=UI_NODE, event_id=f"018cc251-f400-7000-b000-{999 - index:012x}")
        for index, (kind, subject, actor, reason, data) in enumerate(told)
    )  # fmt: skip
