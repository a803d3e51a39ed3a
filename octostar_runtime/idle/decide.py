"""THE decision: what to do with each service now. Pure: no clock, no I/O, no state of its own.

The controller gathers a :class:`World`, asks :func:`decide`, and carries out the plans. Everything that explains a
decision (blockers, deadline, reason) is part of its plan, so that the console can answer "why is it still up?" and
"why did it stop?".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from octostar_runtime.idle.blockers import IN_USE, Blockers, dependant_blockers
from octostar_runtime.idle.policy import Policy, ServiceRules
from octostar_runtime.idle.services import Phase
from octostar_runtime.idle.state import (
    DRAINING,
    FAILED,
    IDLE,
    READY,
    STARTING,
    STOPPED,
    STOPPING,
    UNKNOWN,
    UP,
    WARNED,
    ServiceView,
)
from octostar_runtime.idle.world import World
from octostar_runtime.models.services import Blocker

#: A probe answer older than this many check intervals (and this many seconds) is no answer any more.
STALE_INTERVALS = 3
STALE_S = 15.0
#: What even a recycle by ``max_age`` waits for.
_RECYCLE_WAITS_FOR = frozenset({"run", "busy", "api_in_flight", "lease", "dependant", "resume"})


class Action(StrEnum):
    """What the controller is to do."""

    NONE = "none"
    RESUME = "resume"  # call off a countdown or a drain: READY
    COUNT_DOWN = "count_down"
    WARN = "warn"
    DRAIN = "drain"
    COMMIT = "commit"  # drained: look once more, then stop
    WOULD_STOP = "would_stop"  # dry run
    REFUSE = "refuse"  # an operator's stop
    START = "start"
    WAKE_NEEDED = "wake_needed"  # what it depends on must be up first
    BECOME_READY = "become_ready"
    ADOPT = "adopt"  # found running: a new generation
    FAIL = "fail"
    GONE = "gone"  # found stopped
    LOSE_SIGHT = "lose_sight"
    STOP_AGAIN = "stop_again"  # the last attempt to stop it failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with one service, and why. ``deadline`` and ``idle_since`` are on the monotonic clock."""

    key: str
    action: Action = Action.NONE
    reason: str = ""
    blockers: tuple[Blocker, ...] = ()
    idle_since: float
    blocked: bool = False
    deadline: float | None = None
    recycle: bool = False
    needs: tuple[str, ...] = ()


def decide(now: float, world: World, policy: Policy, services: Sequence[ServiceView]) -> tuple[Plan, ...]:
    """Return one plan per service. ``now`` is monotonic seconds."""
    by_key = {view.info.key: view for view in services}
    return _Decision(now, world, policy, by_key).plans()


class _Decision:
    """The shared facts of one call of :func:`decide`."""

    def __init__(self, now: float, world: World, policy: Policy, services: Mapping[str, ServiceView]) -> None:
        self.now = now
        self.world = world
        self.policy = policy
        self.services = services
        self.blockers = Blockers(now, world, policy)
        self.dependants = _dependants(services)
        self.stale_s = max(STALE_INTERVALS * policy.check_interval, STALE_S)

    def plans(self) -> tuple[Plan, ...]:
        return tuple(self._plan(view) for view in self.services.values())

    def _plan(self, view: ServiceView) -> Plan:
        rules = self.policy.for_service(view.info.name, view.info.kind)
        if view.state is STOPPING:
            due = view.retry_at is not None and self.now >= view.retry_at
            return self._do(view, Action.STOP_AGAIN) if due else self._nothing(view)
        if view.state is STARTING:
            return self._starting(view, rules)
        if not self._in_sight(view):
            return self._out_of_sight(view)
        if view.state in UP:
            return self._up(view, rules)
        if view.state is FAILED:
            return self._failed(view)
        return self._down(view)

    def _nothing(self, view: ServiceView, *, blockers: tuple[Blocker, ...] = ()) -> Plan:
        return Plan(key=view.info.key, blockers=blockers, idle_since=view.idle_since, blocked=bool(blockers))

    def _do(self, view: ServiceView, action: Action, reason: str = "", *, needs: tuple[str, ...] = ()) -> Plan:
        return Plan(key=view.info.key, action=action, reason=reason, idle_since=self.now, blocked=True, needs=needs)

    # What the probe says

    def _in_sight(self, view: ServiceView) -> bool:
        return (
            view.probe is not None
            and view.probe_error is None
            and view.probed_at is not None
            and self.now - view.probed_at <= self.stale_s
        )

    def _out_of_sight(self, view: ServiceView) -> Plan:
        reason = view.probe_error or "its probe has not answered"
        blocker = Blocker(kind="probe", id=view.info.name, since=view.since_utc, label=reason)
        # One that was just stopped may simply not have been looked at yet.
        if view.state in {STOPPED, FAILED} and view.probe_error is None:
            return self._wake(view)
        action = Action.NONE if view.state is UNKNOWN else Action.LOSE_SIGHT
        return Plan(
            key=view.info.key,
            action=action,
            reason=reason,
            blockers=(blocker,),
            idle_since=self.now,
            blocked=True,
        )

    # Not up

    def _starting(self, view: ServiceView, rules: ServiceRules) -> Plan:
        probe = view.probe if view.started else None
        if probe is not None and probe.phase is Phase.RUNNING:
            return self._do(view, Action.BECOME_READY)
        if probe is not None and probe.phase in {Phase.FAILED, Phase.STOPPED}:
            return self._do(view, Action.FAIL, probe.error or "it ended while starting")
        if self.now - view.since >= rules.start_timeout_s:
            detail = (probe.error if probe else None) or view.probe_error or "start() has not returned"
            return self._do(view, Action.FAIL, f"not healthy after {rules.start_timeout_s:g} s: {detail}")
        return self._nothing(view)

    def _failed(self, view: ServiceView) -> Plan:
        probe = view.probe
        if probe is not None and probe.phase is Phase.RUNNING:
            return self._do(view, Action.ADOPT, "found running")
        if view.stop is not None and probe is not None and probe.phase in {Phase.STOPPED, Phase.FAILED}:
            return self._do(view, Action.GONE, view.stop.reason)
        return self._wake(view)

    def _down(self, view: ServiceView) -> Plan:
        """STOPPED, or UNKNOWN and now in sight again."""
        phase = view.probe.phase if view.probe else Phase.STOPPED
        if phase is Phase.RUNNING:
            return self._do(view, Action.ADOPT, "found running")
        if view.state is UNKNOWN:
            return self._sighted(view, phase)
        if phase is Phase.STARTING:
            return self._do(view, Action.LOSE_SIGHT, "something else is starting it")
        return self._wake(view)

    def _sighted(self, view: ServiceView, phase: Phase) -> Plan:
        if phase is Phase.STOPPED:
            return self._do(view, Action.GONE, "found stopped")
        if phase is Phase.FAILED:
            return self._do(view, Action.FAIL, (view.probe.error if view.probe else None) or "found failed")
        return self._nothing(view)

    def _wake(self, view: ServiceView) -> Plan:
        action = self._wake_action(view)
        if action is Action.WAKE_NEEDED:
            missing = tuple(key for key in view.depends_on if not self._is_ready(key))
            broken = [key for key in missing if self._gave_up(key)]
            if broken:
                names = ", ".join(self.services[key].info.name for key in broken)
                return self._do(view, Action.FAIL, f"it needs {names}, which failed")
            return self._do(view, action, needs=missing)
        return self._nothing(view) if action is Action.NONE else self._do(view, action)

    def _wake_action(self, view: ServiceView) -> Action:
        due = view.retry_at is not None and self.now >= view.retry_at
        if not due and not (view.wanted and view.state is not FAILED):
            return Action.NONE
        if all(self._is_ready(key) for key in view.depends_on):
            return Action.START
        return Action.WAKE_NEEDED

    def _is_ready(self, key: str) -> bool:
        needed = self.services.get(key)
        return needed is None or needed.state in UP

    def _gave_up(self, key: str) -> bool:
        needed = self.services[key]
        return needed.state is FAILED and needed.retry_at is None and not needed.wanted

    # Up

    def _up(self, view: ServiceView, rules: ServiceRules) -> Plan:
        probe = view.probe
        assert probe is not None  # _in_sight
        if probe.phase is Phase.STOPPED:
            return self._do(view, Action.GONE, "stopped from outside")
        if probe.phase is Phase.FAILED:
            return self._do(view, Action.FAIL, probe.error or "it ended by itself")
        if probe.phase is not Phase.RUNNING:
            return self._do(view, Action.LOSE_SIGHT, probe.error or f"it is {probe.phase}")
        blockers = self.blockers.of(view, rules) + dependant_blockers(self.dependants.get(view.info.key, ()))
        if view.stop is not None:
            return self._told_to_stop(view, blockers)
        return self._left_alone(view, rules, blockers)

    def _told_to_stop(self, view: ServiceView, blockers: tuple[Blocker, ...]) -> Plan:
        assert view.stop is not None
        waits_for = tuple(b for b in blockers if b.kind == "dependant")
        against = () if view.stop.force else tuple(b for b in blockers if b.kind in IN_USE and b.kind != "dependant")
        action = Action.NONE
        if against:
            action = Action.REFUSE
        elif not waits_for:
            action = self._next_drain_step(view)
        return Plan(
            key=view.info.key,
            action=action,
            reason=f"{view.stop.by}: {view.stop.reason}",
            blockers=against + waits_for,
            idle_since=view.idle_since,
            blocked=view.blocked,
            deadline=self.now,
        )

    def _left_alone(self, view: ServiceView, rules: ServiceRules, blockers: tuple[Blocker, ...]) -> Plan:
        idle_since = self.now if blockers or view.blocked else view.idle_since
        ready_at = self.now if view.ready_at is None else view.ready_at
        recycle = rules.max_age_s > 0
        against = tuple(b for b in blockers if b.kind in _RECYCLE_WAITS_FOR) if recycle else blockers
        deadline = None
        if rules.idle_after_s is not None and not blockers:
            deadline = max(idle_since + rules.idle_after_s * view.flap_factor, ready_at + rules.min_uptime_s)
            recycle = False
        if rules.max_age_s > 0 and not against:
            oldest = self._oldest(view, rules, ready_at)
            if deadline is None or oldest < deadline:
                deadline, recycle = oldest, True
        if self.policy.mode == "off":
            deadline = None
        return Plan(
            key=view.info.key,
            action=self._countdown(view, rules, deadline, recycle=recycle),
            reason=self._reason(view, blockers, recycle),
            blockers=blockers,
            idle_since=idle_since,
            blocked=bool(blockers),
            deadline=deadline,
            recycle=recycle and deadline is not None,
        )

    def _oldest(self, view: ServiceView, rules: ServiceRules, ready_at: float) -> float:
        """When ``max_age`` recycles it: never without the notice, also when work held it up until now."""
        oldest = ready_at + max(rules.max_age_s, rules.min_uptime_s)
        if view.state is DRAINING:
            return oldest
        told_at = view.since if view.state is WARNED else self.now
        return max(oldest, told_at + rules.warn_before_s)

    def _reason(self, view: ServiceView, blockers: tuple[Blocker, ...], recycle: bool) -> str:
        if blockers:
            return f"{blockers[0].kind} {blockers[0].label or blockers[0].id}"
        return "older than max_age" if recycle else "nobody is connected and nothing runs"

    def _countdown(self, view: ServiceView, rules: ServiceRules, deadline: float | None, *, recycle: bool) -> Action:
        """The next step towards ``deadline``; without one, back to READY."""
        resting = view.state is READY
        if deadline is None:
            return Action.NONE if resting else Action.RESUME
        warn_at = deadline - rules.warn_before_s
        if view.state is DRAINING:
            return self._next_drain_step(view) if self.now >= deadline else Action.RESUME
        if resting:
            # A recycle lies days ahead: no countdown is shown before people are told.
            return Action.COUNT_DOWN if not recycle or self.now >= warn_at else Action.NONE
        if view.state is IDLE and self.now >= warn_at and self.policy.mode == "enforce" and rules.warn_before_s > 0:
            return Action.WARN
        if self.now < deadline:
            return Action.NONE
        if self.policy.mode == "dry_run":
            return Action.NONE if view.would_stop else Action.WOULD_STOP
        return Action.DRAIN

    def _next_drain_step(self, view: ServiceView) -> Action:
        if view.state is not DRAINING:
            return Action.DRAIN
        stamp = self.world.observation.stamp
        seen_since = stamp is None or stamp != view.drain_stamp
        if view.drained and seen_since:
            return Action.COMMIT
        rules = self.policy.for_service(view.info.name, view.info.kind)
        overdue = self.now - view.since > max(rules.drain_timeout_s, STALE_S)
        return Action.RESUME if overdue else Action.NONE


def _dependants(services: Mapping[str, ServiceView]) -> dict[str, list[ServiceView]]:
    """Who needs each service and is not verified to be down."""
    found: dict[str, list[ServiceView]] = {}
    for view in services.values():
        gone = view.state is STOPPED or (view.state is FAILED and view.retry_at is None)
        if not gone:
            for key in view.depends_on:
                found.setdefault(key, []).append(view)
    return found
