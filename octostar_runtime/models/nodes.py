"""A node: one process that embeds the runtime."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class NodeState(StrEnum):
    """How a node is doing, judged by the reader's own monotonic clock, never by the node's wall clock."""

    OK = "ok"
    LATE = "late"
    LOST = "lost"
    DRAINING = "draining"
    STOPPED = "stopped"  # it said goodbye


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """A node frozen at one moment; ``meta`` holds small JSON values (cpu, memory, python, streamlit version...)."""

    node_id: str
    name: str
    kind: str  # "ui" | "api" | "app" | "worker"
    host: str
    pid: int
    version: str
    started_at: float
    heartbeat_at: float
    state: NodeState = NodeState.OK
    clock_skew_s: float | None = None
    meta: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNode:
    """A node as the store knows it. ``beat`` grows with each heartbeat, ``incarnation`` with each return of a node
    that had been declared lost; ``status`` is what the node last said of itself (JSON values)."""

    record: NodeRecord
    beat: int
    incarnation: int = 1
    status: Mapping[str, object] = field(default_factory=dict)
