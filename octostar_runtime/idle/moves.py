"""How a service goes from one state to the next: the change of its record, and the event that tells of it.

Every method is called under the engine's lock and only changes values; what has to be called (a backend, a sink, a
waiting request) is queued on the service's lane or in the outbox.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from octostar_runtime.clock import Clock
from octostar_runtime.idle.decide import Plan
from octostar_runtime.idle.flaps import flap_factor
from octostar_runtime.idle.policy import Policy, ServiceRules
from octostar_runtime.idle.reports import Figures, Outbox
from octostar_runtime.idle.roster import Roster
from octostar_runtime.idle.services import ServiceInfo
from octostar_runtime.idle.state import (
    DRAINING,
    FAILED,
    READY,
    STARTING,
    STOPPED,
    STOPPING,
    UP,
    WARNED,
    Cell,
)
from octostar_runtime.idle.wakes import WakeDesk
from octostar_runtime.models.services import ServiceState
from octostar_runtime.models.sessions import ComingStop

#: How often a service that is coming up or going down is looked at.
CLOSE_LOOK_S = 0.1
BACKOFF_MIN_S, BACKOFF_MAX_S = 1.0, 30.0
#: Up this long, a service that dies gets its full number of restarts again.
PROVEN_S = 60.0
#: Kinds whose stop nobody notices: the next use brings them back at once. People are not warned of those.
SEAMLESS = frozenset({"pool", "cache"})


@dataclass(slots=True, kw_only=True)
class Moves:
    """The transitions. ``warn(stop, called_off)`` tells people; it is called outside of the lock."""

    clock: Clock
    outbox: Outbox
    policy: Callable[[], Policy]
    warn: Callable[[ComingStop, bool], object]
    roster: Roster
    wakes: WakeDesk = field(default_factory=WakeDesk)
    figures: Figures = field(default_factory=Figures)

    def rules(self, cell: Cell) -> ServiceRules:
        """Return the settings of a service."""
        return self.policy().for_service(cell.info.name, cell.info.kind)

    def tell(
        self,
        what: str,
        cell: Cell,
        *,
        actor: str | None = None,
        reason: str = "",
        **data: object,
    ) -> None:
        """Queue the event of something that happened to a service, with what blocks its stop now."""
        self.outbox.event(
            f"service.{what}",
            cell.info.name,
            actor=actor,
            reason=reason,
            blockers=cell.blockers,
            generation=cell.generation,
            service_node=cell.info.node_id,
            **data,
        )

    def go(
        self,
        cell: Cell,
        to: ServiceState,
        what: str,
        *,
        actor: str | None = None,
        reason: str = "",
        **data: object,
    ) -> float:
        """Change the state and tell of it; returns the seconds spent in the one before."""
        was, spent = cell.state, self._move(cell, to)
        self.tell(what, cell, actor=actor, reason=reason, was=was.value, duration_s=round(spent, 3), **data)
        return spent

    def _move(self, cell: Cell, to: ServiceState) -> float:
        now = self.clock.monotonic()
        spent = now - cell.since
        cell.move(to, now=now, utc=self.clock.time())
        close = to in {STARTING, STOPPING, DRAINING}
        self.roster.lanes[cell.info.key].set_interval(CLOSE_LOOK_S if close else self.policy().check_interval)
        if to not in {WARNED, DRAINING, STOPPING}:
            self.call_off(cell)
        return spent

    # What people are told

    def warn_of_stop(self, cell: Cell, stops_at: float, plan: Plan) -> None:
        """Let people see a countdown to ``stops_at`` (UTC)."""
        if cell.info.kind in SEAMLESS:
            return
        fate = "restarted" if plan.recycle else "stopped"
        text = f"{_called(cell.info)} is about to be {fate}: {plan.reason}."
        kept_s = self.policy().keep_awake_for
        stop = cell.told = ComingStop(service=cell.info.name, text=text, stops_at=stops_at, may_keep_s=kept_s)
        self.outbox.call(lambda: self.warn(stop, False))

    def call_off(self, cell: Cell) -> None:
        """Take the countdown away, if there is one."""
        stop, cell.told = cell.told, None
        if stop is not None:
            self.outbox.call(lambda: self.warn(stop, True))

    # Up

    def settle_ready(self, key: str, cell: Cell, *, ready_at: float | None = None, warm: bool = True) -> None:
        """It is up: clocks begin, whoever waited for it is answered."""
        now = self.clock.monotonic()
        cell.ready_at = now if ready_at is None else ready_at
        cell.idle_since, cell.blocked = now, False
        if not warm:
            cell.idle_since = cell.ready_at = float("-inf")
        cell.wanted, cell.retry_at, cell.error, cell.recycle = False, None, None, False
        cell.would_stop, cell.stopped_at = False, None
        self.outbox.call(lambda: self.wakes.resolve(key, True))

    def resume(self, cell: Cell, what: str, *, actor: str | None = None, reason: str) -> bool:
        """Back to READY from a countdown or a drain; True when it had begun to drain."""
        draining = cell.state is DRAINING
        self.go(cell, READY, what, actor=actor, reason=reason)
        cell.deadline, cell.would_stop = None, False
        cell.idle_since = max(cell.idle_since, self.clock.monotonic())
        return draining

    # Wanted

    def want(self, cell: Cell, *, by: str | None, cause: str) -> bool:
        """Note that somebody needs a service that is not up, once; True when it had to be told apart as a new wake."""
        if cell.wanted or cell.state is STARTING:
            return False
        now = self.clock.monotonic()
        cell.wanted = True
        if cell.state is not STOPPING:  # there they belong to the stop, which must end first
            cell.attempts, cell.retry_at = 0, now
        self.figures.wakes[cell.info.name] += 1
        self._count_flap(cell, now)
        self.tell("woken", cell, actor=by, reason=cause, state=cell.state.value)
        return True

    def _count_flap(self, cell: Cell, now: float) -> None:
        policy, before = self.policy(), cell.flap_factor
        idle_after_s = self.rules(cell).idle_after_s
        cell.flaps, cell.flap_factor = flap_factor(
            cell.flaps, stopped_at=cell.stopped_at, now=now, idle_after_s=idle_after_s, limit=policy.flap_limit
        )
        if cell.flap_factor > before:
            times = f"woken {len(cell.flaps)} times an hour soon after a stop"
            reason = f"{times}; it now waits {cell.flap_factor} times as long"
            self.tell("flapping", cell, reason=reason, factor=cell.flap_factor)

    def begin_starting(self, cell: Cell) -> None:
        """A new generation begins."""
        cell.generation += 1
        cell.started, cell.probe, cell.probe_error, cell.retry_at = False, None, None, None
        cell.recycle, cell.stop, cell.blockers = False, None, ()
        self.figures.starts[cell.info.name] += 1
        self.go(cell, STARTING, "starting", attempt=cell.attempts + 1)

    # Down

    def begin_stopping(self, cell: Cell, plan: Plan) -> None:
        """Past the commit point."""
        cell.recycle, cell.wanted = plan.recycle, False
        self.go(cell, STOPPING, "stopping", actor=_orderer(cell), reason=plan.reason)

    def stopped(self, cell: Cell) -> None:
        """Verified dead after a stop of ours."""
        spent = self.go(cell, STOPPED, "stopped", actor=_orderer(cell), reason=cell.stop.reason if cell.stop else "")
        self.settle_stopped(cell)
        self.figures.stopped(cell.info.name, spent)

    def settle_stopped(self, cell: Cell) -> None:
        """Forget what belonged to the life that ended."""
        cell.stopped_at, cell.ready_at, cell.deadline = self.clock.monotonic(), None, None
        cell.error, cell.retry_at, cell.stop, cell.blockers = None, None, None, ()
        cell.probe, cell.probe_error, cell.attempts = None, None, 0
        if cell.recycle:
            cell.wanted, cell.recycle = True, False

    def stop_failed(self, cell: Cell, error: BaseException) -> None:
        """Something of it is left: still STOPPING, tried again after a pause."""
        cell.attempts += 1
        cell.error = f"not stopped yet: {error}"
        cell.retry_at = self.clock.monotonic() + _pause_s(cell)
        self.tell("stop_failed", cell, reason=str(error), attempt=cell.attempts)

    def fail(self, key: str, cell: Cell, reason: str) -> None:
        """It did not come up, or ended by itself; tried again after a pause, a bounded number of times."""
        now = self.clock.monotonic()
        if cell.ready_at is not None and cell.state in UP and now - cell.ready_at > PROVEN_S:
            cell.attempts = 0
        cell.attempts += 1
        again = cell.attempts <= self.policy().start_retries and cell.stop is None
        pause_s = _pause_s(cell) if again else None
        cell.error, cell.ready_at, cell.deadline = reason, None, None
        cell.retry_at = None if pause_s is None else now + pause_s
        self.figures.failures[cell.info.name] += 1
        self.go(cell, FAILED, "failed", reason=reason, attempt=cell.attempts, retry_in_s=pause_s)
        if not again:
            cell.wanted = False
            self.outbox.call(lambda: self.wakes.resolve(key, False, reason))


def _pause_s(cell: Cell) -> float:
    return min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** min(cell.attempts - 1, 10))


def _orderer(cell: Cell) -> str | None:
    return cell.stop.by if cell.stop else None


def _called(info: ServiceInfo) -> str:
    """The name by which the people who use an app know a service."""
    return "This app" if info.name == "ui" or info.kind == "container" else info.name
