"""The one frozen picture of everything, made once a second per node and read by every viewer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import CallbackRecord, SessionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSample:
    """One reading of the machine (or the container), taken about every 2 s.

    ``scope`` is "machine" or "container" (cgroup limits apply). CPU in percent of all cores the scope has,
    memory in bytes.
    """

    at: float
    scope: str
    cpu_percent: float
    memory_used: int
    memory_limit: int
    process_cpu_percent: float
    process_memory: int
    people: int = 0
    running: int = 0
    queued: int = 0
    busy_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """How the store does, as this node sees it."""

    url: str  # without a password
    ok: bool = True
    error: str | None = None
    buffered: int = 0
    dropped: int = 0
    lag_s: float = 0.0
    notice: str | None = None  # e.g. a damaged file was put aside


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSnapshot:
    """All nodes at one moment. ``runs`` holds every live run and the newest ended ones, newest first, up to
    ``runs_limit``; ``counts`` covers all retained runs, so that a list can say "newest N of M"."""

    taken_at: float
    node_id: str
    nodes: tuple[NodeRecord, ...] = ()
    sessions: tuple[SessionRecord, ...] = ()
    runs: tuple[RunRecord, ...] = ()
    runs_limit: int = 0
    counts: Mapping[RunState, int] = field(default_factory=dict)
    failed_last_hour: int = 0
    oldest_wait_s: float | None = None
    pools: tuple[PoolRecord, ...] = ()
    services: tuple[ServiceRecord, ...] = ()
    callbacks: tuple[CallbackRecord, ...] = ()
    host: HostSample | None = None
    host_history: tuple[HostSample, ...] = ()
    host_day: tuple[HostSample, ...] = ()  # the last 24 hours, one sample per five minutes
    store: StoreHealth | None = None
    policy_mode: str | None = None
    policy_version: int = 0

    @property
    def people(self) -> int:
        """People connected: connected sessions that are not observers."""
        return sum(1 for session in self.sessions if session.counts_as_person)

    @property
    def observers(self) -> int:
        """Connected sessions whose current page is a console page."""
        return sum(1 for s in self.sessions if s.observer and s.state.value == "connected")
