"""A service: something the idle policy can stop and start."""

from dataclasses import dataclass
from enum import StrEnum


class ServiceState(StrEnum):
    """The state machine of a service; see docs/architecture.md."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    IDLE = "idle"  # counting down
    WARNED = "warned"  # counting down, users told
    DRAINING = "draining"
    STOPPING = "stopping"
    FAILED = "failed"
    UNKNOWN = "unknown"  # the probe failed; never stopped from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One thing that keeps a service up. ``since`` is UTC seconds."""

    kind: str  # "session" | "run" | "api" | "lease" | "schedule" | "dependant" | "probe" | "min_uptime" ...
    id: str
    since: float
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """A service frozen at one moment. ``stops_at`` is the UTC second of the planned stop, None when none is."""

    name: str
    kind: str  # "pool" | "hook" | "cache" | "program" | "container"
    node_id: str
    state: ServiceState
    since: float
    generation: int = 0
    stops_at: float | None = None
    idle_after_s: float | None = None
    blockers: tuple[Blocker, ...] = ()
    depends_on: tuple[str, ...] = ()
    error: str | None = None
    pid: int | None = None
    restarts: int = 0
