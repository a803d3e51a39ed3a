"""What keeps a service up. Pure; each thing is listed with its kind, id and since when, for people to read.

Sessions and runs are gone through once per tick and shared by all services with the same switches, which is what
keeps a tick cheap with thousands of sessions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import TypeVar

from octostar_runtime.idle.policy import Policy, ServiceRules
from octostar_runtime.idle.state import ServiceView
from octostar_runtime.idle.world import World
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.services import Blocker
from octostar_runtime.models.sessions import SessionRecord, SessionState

T = TypeVar("T")
_since = attrgetter("connected_at")

#: Of each kind so many are named; the rest are counted.
NAMED = 20
#: Kinds that a plain order to stop does not override: what somebody or something is using right now.
IN_USE = frozenset({"session", "run", "busy", "api_in_flight", "dependant", "probe", "lease"})


class Blockers:
    """The blockers of one tick, worked out when first asked for."""

    def __init__(self, now: float, world: World, policy: Policy) -> None:
        self._now = now
        self._world = world
        self._policy = policy
        self._shared: dict[object, tuple[Blocker, ...]] = {}

    def of(self, view: ServiceView, rules: ServiceRules) -> tuple[Blocker, ...]:
        """Return what keeps ``view`` up, dependants and the probe apart."""
        found: list[Blocker] = []
        if rules.connected_blocks or rules.observers_block:
            found += self._once(
                ("sessions", rules.connected_blocks, rules.observers_block),
                lambda: self._sessions(rules.connected_blocks, rules.observers_block),
            )
        if rules.busy_blocks:
            found += self._runs_of(view)
        if rules.api_blocks:
            found += self._once("api", self._api)
        found += self._once("everybody", self._for_everybody)
        if view.probe is not None and view.probe.busy and rules.busy_blocks:
            label = f"{view.probe.busy} under way"
            found.append(Blocker(kind="busy", id=view.info.name, since=view.busy_since, label=label))
        return tuple(found)

    def _once(self, key: object, work: Callable[[], tuple[Blocker, ...]]) -> tuple[Blocker, ...]:
        known = self._shared.get(key)
        if known is None:
            known = self._shared[key] = work()
        return known

    def _sessions(self, people: bool, observers: bool) -> tuple[Blocker, ...]:
        groups = [*([self._present[0]] if people else []), *([self._present[1]] if observers else [])]
        named = [_session_blocker(session) for group in groups for session in group.named]
        spare, rest = named[NAMED:], [group for group in groups if group.more]
        more = len(spare) + sum(group.more for group in rest)
        if not more:
            return tuple(named)
        since = min([*(blocker.since for blocker in spare), *(group.more_since for group in rest)])
        return (*named[:NAMED], Blocker(kind="session", id="…", since=since, label=f"and {more:,} more"))

    @cached_property
    def _present(self) -> tuple["_Group", "_Group"]:
        """Those who are connected and not dormant: people, observers. The costly part of a tick, done once."""
        connected, dormant = SessionState.CONNECTED, self._world.dormant
        present = [s for s in self._world.observation.sessions if s.state == connected]
        if dormant:
            present = [s for s in present if s.session_id not in dormant]
        return _group([s for s in present if not s.observer]), _group([s for s in present if s.observer])

    def _runs_of(self, view: ServiceView) -> tuple[Blocker, ...]:
        if view.info.kind != "pool":
            return self._once("runs", lambda: self._runs(self._world.observation.live_runs))
        by_pool = self._pools()
        pool = view.info.name.removeprefix("pool:")
        return self._once(("runs", pool, view.info.node_id), lambda: self._runs(by_pool(pool, view.info.node_id)))

    def _pools(self) -> Callable[[str, str], Sequence[RunRecord]]:
        runs = self._world.observation.live_runs
        return lambda pool, node_id: [run for run in runs if run.pool == pool and run.node_id == node_id]

    def _runs(self, runs: Sequence[RunRecord]) -> tuple[Blocker, ...]:
        released = self._world.stuck if self._policy.busy_stuck_action == "release" else frozenset()
        if released:
            runs = [run for run in runs if run.run_id not in released]
        return _listed("run", runs, _run_blocker, lambda run: run.started_at or run.queued_at)

    def _api(self) -> tuple[Blocker, ...]:
        api = self._world.api
        found = []
        if api.in_flight:
            label = f"{api.in_flight} in flight"
            found.append(Blocker(kind="api_in_flight", id=api.last_path, since=api.in_flight_since, label=label))
        elif api.last_age_s is not None and api.last_age_s < self._policy.api_activity_window:
            found.append(Blocker(kind="api", id=api.last_path, since=api.last_at, label="recent request"))
        return tuple(found)

    def _for_everybody(self) -> tuple[Blocker, ...]:
        world = self._world
        found = [
            Blocker(kind="lease", id=hold.hold_id, since=hold.since, label=f"{hold.owner}: {hold.reason}")
            for hold in world.holds
        ]
        for window in self._policy.awake_schedule:
            opened = window.open_since(world.utc)
            if opened is not None:
                found.append(Blocker(kind="schedule", id=window.label, since=opened, label=window.label))
        if world.settle_until is not None and self._now < world.settle_until:
            label = "the machine slept; waiting for fresh heartbeats"
            found.append(Blocker(kind="resume", id="clock", since=world.settle_since, label=label))
        return tuple(found)


def dependant_blockers(dependants: Iterable[ServiceView]) -> tuple[Blocker, ...]:
    """Services that need this one and are not stopped."""
    return tuple(
        Blocker(kind="dependant", id=view.info.name, since=view.since_utc, label=f"{view.info.name} is {view.state}")
        for view in dependants
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Sessions of one sort: the first by themselves, of the others the number and the earliest start."""

    named: Sequence[SessionRecord]
    more: int
    more_since: float


def _group(sessions: Sequence[SessionRecord]) -> _Group:
    rest = sessions[NAMED:]
    return _Group(named=sessions[:NAMED], more=len(rest), more_since=min(map(_since, rest), default=0.0))


def _listed(
    kind: str, things: Sequence[T], blocker: Callable[[T], Blocker], since: Callable[[T], float]
) -> tuple[Blocker, ...]:
    """The first few by name and the rest as a number."""
    named = [blocker(thing) for thing in islice(things, NAMED)]
    if len(things) > NAMED:
        rest = things[NAMED:]
        named.append(Blocker(kind=kind, id="…", since=min(map(since, rest)), label=f"and {len(rest)} more"))
    return tuple(named)


def _session_blocker(session: SessionRecord) -> Blocker:
    who = session.user or ("observer" if session.observer else "anonymous")
    return Blocker(kind="session", id=session.session_id, since=session.connected_at, label=who)


def _run_blocker(run: RunRecord) -> Blocker:
    label = f"{run.name} is {run.state}"
    return Blocker(kind="run", id=run.run_id, since=run.started_at or run.queued_at, label=label)
