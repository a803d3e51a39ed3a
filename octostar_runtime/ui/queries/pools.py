"""Pools: how busy they are, how long work waits, and what each worker did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from octostar_runtime.models.pools import PoolRecord, WorkerRecord
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.tables import Cell, Column, RowAction, Table

POOL_ACTIONS = (
    RowAction(name="resize", label="Resize"),
    RowAction(name="pause", label="Pause", help="Start nothing new; what runs goes on"),
    RowAction(name="resume", label="Resume", help="Start queued tasks again"),
    RowAction(name="drain", label="Drain", help="Take no new work; what runs may end"),
)
#: What may be done to a pool in each state.
POOL_VERBS = {"open": ("pause", "drain"), "paused": ("resume", "drain"), "draining": ("resume",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a pool."""

    label: str
    value: str
    note: str = ""
    href: str = ""
    tone: str = ""
    share: float | None = None


def figures(pool: PoolRecord, links: Links) -> list[Figure]:
    """Return the tiles of one pool."""
    free = max(pool.size - pool.busy, 0)
    refused = f", {pool.rejected} refused" if pool.rejected else ""
    return [
        Figure(
            label="Busy now",
            value=f"{pool.busy} of {pool.size}",
            note=f"{formats.plural(free, 'worker')} free",
            href=links.to("tasks", state="running", q=f"pool:{pool.name}"),
            share=pool.busy / pool.size if pool.size else None,
        ),
        Figure(
            label="Queue",
            value=formats.number(pool.queued),
            note=f"room for {formats.number(pool.queue_limit)}{refused}",
            href=links.to("tasks", state="queued", q=f"pool:{pool.name}"),
            tone="warn" if pool.queued >= pool.queue_limit * 0.8 else "",
        ),
        Figure(
            label="Use over 5 minutes",
            value=formats.percent(pool.busy_5m),
            note=f"1 min {formats.percent(pool.busy_1m)}, 15 min {formats.percent(pool.busy_15m)}",
            share=pool.busy_5m,
        ),
        Figure(
            label="Wait in the queue",
            value=formats.duration(pool.wait.p50_s),
            note=f"95 % under {formats.duration(pool.wait.p95_s)}",
        ),
        Figure(
            label="Run time",
            value=formats.duration(pool.run.p50_s),
            note=f"95 % under {formats.duration(pool.run.p95_s)}",
        ),
        Figure(
            label="Stuck or given up",
            value=formats.number(pool.stuck + pool.orphaned),
            note=f"{pool.stuck} stuck, {pool.orphaned} given up" if pool.stuck + pool.orphaned else "none",
            tone="bad" if pool.stuck + pool.orphaned else "",
        ),
    ]


def pools_table(pools: Sequence[PoolRecord], nodes: Mapping[str, str], links: Links) -> Table:
    """Return one row per pool and node; the name leads to its workers. ``nodes`` names each node."""
    columns = (
        Column(label="Pool", kind="link", href=links.to("pool") + "?pool={id}", main=True),
        Column(label="Node"),
        Column(label="Engine"),
        Column(label="State", kind="state", words=words.POOL),
        Column(label="Busy", end=True),
        Column(label="Use, 1 min", kind="bar"),
        Column(label="5 min", end=True),
        Column(label="15 min", end=True),
        Column(label="Queue", end=True),
        Column(label="Wait p50", end=True),
        Column(label="Wait p95", end=True),
        Column(label="Stuck", end=True),
    )
    rows: list[list[Cell]] = [
        [
            pool_key(pool),
            pool.name,
            nodes.get(pool.node_id, formats.short_id(pool.node_id)),
            engine_words(pool.engine),
            pool.state,
            f"{pool.busy} of {pool.size}",
            round(pool.busy_1m, 2),
            formats.percent(pool.busy_5m),
            formats.percent(pool.busy_15m),
            formats.number(pool.queued),
            formats.duration(pool.wait.p50_s),
            formats.duration(pool.wait.p95_s),
            str(pool.stuck + pool.orphaned) if pool.stuck + pool.orphaned else None,
            ["resize", *POOL_VERBS.get(pool.state, ())],
        ]
        for pool in sorted(pools, key=lambda pool: (pool.name, pool.node_id))
    ]
    return Table(label="Pools", columns=columns, rows=rows, actions=POOL_ACTIONS)


def engine_words(engine: str) -> str:
    """Return what people call an engine."""
    return {"process": "processes", "dask": "Dask"}.get(engine, engine)


def workers_table(pool: PoolRecord, names: Mapping[str, str], links: Links) -> Table:
    """Return one row per worker, the busy ones first. ``names`` names the runs that are known."""
    order = {"stuck": 0, "orphaned": 1, "busy": 2, "idle": 3}
    workers = sorted(pool.workers, key=lambda worker: (order.get(worker.state, 4), _natural(worker.name)))
    columns = (
        Column(label="Worker", main=True),
        Column(label="State", kind="state", words=words.WORKER),
        Column(label="Task", kind="link", href=links.to("run") + "?id={id}"),
        Column(label="For", kind="since", end=True),
        Column(label="Last minute", kind="bar"),
        Column(label="5 minutes", end=True),
        Column(label="15 minutes", end=True),
        Column(label="Runs", end=True),
    )
    rows: list[list[Cell]] = [_worker_row(worker, names) for worker in workers]
    return Table(label=f"Workers of {pool.name}", columns=columns, rows=rows)


def _worker_row(worker: WorkerRecord, names: Mapping[str, str]) -> list[Cell]:
    busy = worker.run_id is not None
    return [
        worker.run_id or worker.name,
        worker.name,
        worker.state,
        names.get(worker.run_id, formats.short_id(worker.run_id)) if worker.run_id else None,
        worker.since // 1 if busy and worker.since is not None else None,
        round(worker.busy_1m, 2),
        formats.percent(worker.busy_5m),
        formats.percent(worker.busy_15m),
        formats.number(worker.runs),
    ]


def _natural(name: str) -> tuple[str, int]:
    head, _, tail = name.rpartition("-")
    return (head, int(tail)) if tail.isdigit() else (name, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A bar of the timeline. ``ended_at`` is set, also for work that goes on."""

    worker: str
    name: str
    run_id: str
    started_at: float
    ended_at: float
    live: bool


def timeline(pool: PoolRecord, now: float, window_s: float = 900.0) -> list[Span]:
    """Return what each worker did in the last ``window_s`` seconds."""
    spans = []
    for worker in sorted(pool.workers, key=lambda worker: _natural(worker.name)):
        for span in worker.spans:
            end = span.ended_at if span.ended_at is not None else now
            if end >= now - window_s:
                spans.append(
                    Span(
                        worker=worker.name,
                        name=span.name,
                        run_id=span.run_id,
                        started_at=max(span.started_at, now - window_s),
                        ended_at=end,
                        live=span.ended_at is None,
                    )
                )
    return spans


def choose(pools: Sequence[PoolRecord], key: str) -> PoolRecord | None:
    """Return the pool named by an address (``node/name``), else the busiest one."""
    for pool in pools:
        if pool_key(pool) == key:
            return pool
    return max(pools, key=lambda pool: (pool.busy_5m, pool.name == "default"), default=None)


def pool_key(pool: PoolRecord) -> str:
    """Return how an address names a pool."""
    return f"{pool.node_id[-8:]}/{pool.name}"
