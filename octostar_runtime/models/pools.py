"""A pool of workers, as the console shows it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Percentiles of a duration, in seconds, over the last 15 minutes; None while there is nothing to tell."""

    count: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    max_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusySpan:
    """A stretch of time a worker spent on one run; ``ended_at`` is None while it goes on. UTC seconds."""

    run_id: str
    name: str
    started_at: float
    ended_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """One worker of a pool. ``spans`` are its newest stretches of work, oldest first.

    Runs of a few milliseconds that follow each other closely share one span, whose name says how many they were.
    ``since`` is UTC seconds. An orphaned worker no longer counts in the pool's size; its thread would not end.
    """

    name: str
    state: str  # "idle" | "busy" | "stuck" | "orphaned"
    run_id: str | None = None
    since: float | None = None
    busy_1m: float = 0.0
    busy_5m: float = 0.0
    busy_15m: float = 0.0
    runs: int = 0
    spans: tuple[BusySpan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWorker:
    """A worker of a cluster. Memory in bytes, 0 for no limit; ``runs`` are the runs it has, by id."""

    name: str
    address: str
    status: str = "running"  # as Dask says: "running" | "paused" | "closing_gracefully" | …
    threads: int = 1
    memory: int = 0
    memory_limit: int = 0
    cpu_percent: float = 0.0
    runs: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRecord:
    """The cluster behind a pool, as its node saw it last. ``shared``: others use it too, and it outlives us.

    ``queued`` are tasks that wait on the cluster itself, ``waiting_for_resources`` those of them that no worker has
    room or resources for. ``notice`` is what is wrong, in one line.
    """

    state: str  # "connecting" | "up" | "down" | "refused" | "stopped" | "closed"
    address: str = ""
    dashboard: str = ""
    notice: str = ""
    shared: bool = False
    queued: int = 0
    waiting_for_resources: int = 0
    clients: int = 0
    workers_total: int = 0
    threads: int = 0
    memory: int = 0
    memory_limit: int = 0
    workers: tuple[ClusterWorker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRecord:
    """A pool frozen at one moment. Utilisations are exact busy seconds ÷ worker seconds, 0..1.

    ``size`` is how many workers it should have; a worker above it ends with its present run. ``queued`` counts the
    runs that wait for a worker, ``waiting_retry`` those that wait for their next attempt.
    """

    name: str
    node_id: str
    engine: str = "threads"
    size: int
    busy: int
    queued: int
    queue_limit: int
    per_session_limit: int | None = None
    state: str = "open"  # "open" | "paused" | "draining" | "released"
    stuck: int = 0
    orphaned: int = 0
    busy_1m: float = 0.0
    busy_5m: float = 0.0
    busy_15m: float = 0.0
    wait: Spread = field(default_factory=Spread)
    run: Spread = field(default_factory=Spread)
    workers: tuple[WorkerRecord, ...] = ()
    rejected: int = 0
    waiting_retry: int = 0
    orphaned_total: int = 0
    cluster: ClusterRecord | None = None
