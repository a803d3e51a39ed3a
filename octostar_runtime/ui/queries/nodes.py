"""Nodes: every process that takes part, and how it does."""

from collections import Counter
from collections.abc import Callable

from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.queries.once import Once
from octostar_runtime.ui.tables import Cell, Column, RowAction, Table

DRAIN = RowAction(name="drain", label="Drain", help="Take no new work; what runs may end")
UNDRAIN = RowAction(name="undrain", label="Take back", help="Let its pools work again")


_once = Once()


def _sessions_at(snapshot: FleetSnapshot) -> Counter[str]:
    return Counter(session.node_id for session in snapshot.sessions if session.state == "connected")


def live_tasks_at(snapshot: FleetSnapshot) -> Counter[str]:
    """Return how many tasks wait or are at work at each node: by its pools, as a snapshot has the newest runs only.

    Of a node whose pools are not heard of any more, those of its runs that are known.
    """
    counted: Counter[str] = Counter()
    for pool in snapshot.pools:
        counted[pool.node_id] += pool.busy + pool.queued + pool.waiting_retry
    known = Counter(run.node_id for run in snapshot.runs if not run.terminal)
    return counted + Counter({node_id: n for node_id, n in known.items() if node_id not in counted})


def table(snapshot: FleetSnapshot) -> Table:
    """Return one row per node, those that need a look first; made once for all viewers."""
    return _once.get(snapshot, "table", lambda: _table(snapshot))


def _table(snapshot: FleetSnapshot) -> Table:
    order = {"lost": 0, "late": 1, "draining": 2, "ok": 3, "stopped": 4}
    nodes = sorted(snapshot.nodes, key=lambda node: (order.get(node.state.value, 5), node.name, node.kind))
    sessions, runs = _sessions_at(snapshot), live_tasks_at(snapshot)
    columns = (
        Column(label="Node", main=True),
        Column(label="Part"),
        Column(label="State", kind="state", words=words.NODE),
        Column(label="Last sign", kind="time", help="Judged by this process's own clock, not by the node's"),
        Column(label="Up for", kind="since", end=True),
        Column(label="Process", end=True),
        Column(label="CPU", end=True),
        Column(label="Memory", end=True),
        Column(label="Threads", end=True),
        Column(label="Sessions", end=True),
        Column(label="Live tasks", end=True),
        Column(label="Clock is off by", end=True),
        Column(label="Version"),
    )
    here = snapshot.node_id
    rows = [_row(node, sessions[node.node_id], runs[node.node_id], here) for node in nodes]
    return Table(label="Nodes", columns=columns, rows=rows, actions=(DRAIN, UNDRAIN))


def _row(node: NodeRecord, sessions: int, runs: int, here: str) -> list[Cell]:
    state = node.state.value
    alive = state in ("ok", "late", "draining")
    return [
        node.node_id,
        f"{node.name} (this one)" if node.node_id == here else node.name,
        words.plain(words.NODE_KIND, node.kind),
        state,
        node.heartbeat_at // 5 * 5,
        node.started_at // 1 if alive else None,
        str(node.pid),
        _meta(node, "cpu_percent", lambda value: f"{value:.0f} %") if alive else None,
        _meta(node, "memory", formats.size) if alive else None,
        _meta(node, "threads", formats.number) if alive else None,
        formats.number(sessions) if sessions else None,
        formats.number(runs) if runs else None,
        formats.duration(abs(node.clock_skew_s)) if node.clock_skew_s is not None and alive else None,
        node.version,
        ["undrain"] if state == "draining" else ["drain"] if alive else [],
    ]


def _meta(node: NodeRecord, name: str, told: Callable[[float], str]) -> str | None:
    value = node.meta.get(name)
    return told(float(value)) if isinstance(value, int | float) else None


def alive(snapshot: FleetSnapshot) -> frozenset[str]:
    """Return the ids of the nodes that can still be asked to do something."""
    return frozenset(node.node_id for node in snapshot.nodes if node.state.value in ("ok", "late", "draining"))


def name_of(node: NodeRecord) -> str:
    """Return how people call a node."""
    return f"{node.name} ({words.plain(words.NODE_KIND, node.kind).lower()}, process {node.pid})"
