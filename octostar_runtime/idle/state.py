"""The state machine of one service: the table of allowed moves, and the record that walks it.

Generations number the lives of a service: every start and every adoption begins a new one, and whatever comes late
from an older one is ignored. Epochs number the moves, so that a stop that was decided before a wake is recognised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from octostar_runtime.errors import InvalidTransition
from octostar_runtime.idle.services import Probe, ServiceInfo
from octostar_runtime.models.services import Blocker, ServiceState
from octostar_runtime.models.sessions import ComingStop

STOPPED, STARTING, READY = ServiceState.STOPPED, ServiceState.STARTING, ServiceState.READY
IDLE, WARNED, DRAINING = ServiceState.IDLE, ServiceState.WARNED, ServiceState.DRAINING
STOPPING, FAILED, UNKNOWN = ServiceState.STOPPING, ServiceState.FAILED, ServiceState.UNKNOWN

#: Up and counted on.
UP = frozenset({READY, IDLE, WARNED, DRAINING})

_FROM_UP = frozenset({READY, IDLE, WARNED, DRAINING, UNKNOWN, FAILED, STOPPED, STARTING})

#: The only moves a service may make.
TRANSITIONS: Mapping[ServiceState, frozenset[ServiceState]] = {
    STOPPED: frozenset({STARTING, READY, UNKNOWN, FAILED}),
    STARTING: frozenset({READY, FAILED, UNKNOWN, STOPPED}),
    READY: _FROM_UP,
    IDLE: _FROM_UP,
    WARNED: _FROM_UP,
    # the only way into STOPPING: through the commit point
    DRAINING: frozenset({READY, STOPPING, UNKNOWN, FAILED, STOPPED, STARTING}),
    STOPPING: frozenset({STOPPED}),
    FAILED: frozenset({STARTING, READY, STOPPED, UNKNOWN}),
    UNKNOWN: frozenset({READY, STARTING, STOPPED, FAILED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """An operator's wish to stop a service now. ``force``: although something blocks it."""

    by: str
    reason: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """A service as :func:`octostar_runtime.idle.decide.decide` sees it. Times are on the monotonic clock."""

    info: ServiceInfo
    state: ServiceState
    since: float
    since_utc: float = 0.0
    generation: int = 0
    depends_on: tuple[str, ...] = ()  # keys
    started: bool = False  # start() has returned
    busy_since: float = 0.0  # UTC
    probe: Probe | None = None
    probed_at: float | None = None  # when the last answer came
    probe_error: str | None = None
    ready_at: float | None = None
    idle_since: float = 0.0
    blocked: bool = True  # at the last look
    wanted: bool = False  # a wake is waiting
    stop: StopRequest | None = None
    drained: bool = False
    drain_stamp: float | None = None
    attempts: int = 0
    retry_at: float | None = None
    flap_factor: int = 1
    would_stop: bool = False


@dataclass(slots=True, kw_only=True)
class Cell:
    """The controller's own, changing record of a service. Touched only under the controller's lock."""

    info: ServiceInfo
    state: ServiceState = UNKNOWN
    since: float = 0.0  # monotonic
    since_utc: float = 0.0
    epoch: int = 0
    generation: int = 0
    depends_on: tuple[str, ...] = ()
    started: bool = False
    busy_since: float = 0.0
    probe: Probe | None = None
    probed_at: float | None = None
    probe_error: str | None = None
    probe_failures: int = 0
    ready_at: float | None = None
    idle_since: float = 0.0
    blocked: bool = True
    blockers: tuple[Blocker, ...] = ()
    deadline: float | None = None
    wanted: bool = False
    stop: StopRequest | None = None
    recycle: bool = False
    drained: bool = False
    drain_stamp: float | None = None
    attempts: int = 0
    retry_at: float | None = None
    error: str | None = None
    stopped_at: float | None = None
    flap_factor: int = 1
    flaps: list[float] = field(default_factory=list)
    would_stop: bool = False
    told: ComingStop | None = None  # what people are warned of now

    def move(self, to: ServiceState, *, now: float, utc: float) -> None:
        """Go to ``to``; InvalidTransition when the table does not allow it."""
        if to not in TRANSITIONS[self.state]:
            raise InvalidTransition(f"service {self.info.name!r} cannot go from {self.state} to {to}")
        self.state, self.since, self.since_utc = to, now, utc
        self.epoch += 1

    def view(self) -> ServiceView:
        """Freeze what a decision needs."""
        return ServiceView(
            info=self.info,
            state=self.state,
            since=self.since,
            since_utc=self.since_utc,
            started=self.started,
            busy_since=self.busy_since,
            generation=self.generation,
            depends_on=self.depends_on,
            probe=self.probe,
            probed_at=self.probed_at,
            probe_error=self.probe_error,
            ready_at=self.ready_at,
            idle_since=self.idle_since,
            blocked=self.blocked,
            wanted=self.wanted,
            stop=self.stop,
            drained=self.drained,
            drain_stamp=self.drain_stamp,
            attempts=self.attempts,
            retry_at=self.retry_at,
            flap_factor=self.flap_factor,
            would_stop=self.would_stop,
        )
