"""What-if: replay a policy over the recorded history of sessions and runs.

The replay is one sweep over sorted intervals per service: what blocks is merged into stretches of use, and every gap
between two stretches either is shorter than the idle time (nothing happens) or costs a wake at its end. Whoever
comes at that moment waits for the start. Plain Python; 100,000 sessions take well under a second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from octostar_runtime.idle.flaps import flap_factor
from octostar_runtime.idle.policy import Policy, ServiceRules

HOUR_S = 3600.0
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A recorded session: from, to (UTC seconds) and whether it only watched."""

    start: float
    end: float
    observer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A recorded run: from when it was queued to its end (UTC seconds)."""

    start: float
    end: float
    pool: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedService:
    """What to replay: a service, how long it takes to start, and the memory it gives back while stopped."""

    name: str
    kind: str = "program"
    start_s: float = 5.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the policy would have done with one service. ``waits_s`` are the waits of people, one each."""

    service: str
    hours: float
    hours_stopped: float
    gib_hours_saved: float
    stops: int
    wakes: int
    people_who_waited: int
    waits_s: tuple[float, ...]
    stops_that_hit_work: int

    @property
    def longest_wait_s(self) -> float:
        """The longest anybody would have waited."""
        return max(self.waits_s, default=0.0)

    @property
    def mean_wait_s(self) -> float:
        """The mean over those who would have waited."""
        return sum(self.waits_s) / len(self.waits_s) if self.waits_s else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was recorded between two moments (UTC seconds)."""

    start: float
    end: float
    stays: tuple[Stay, ...] = ()
    works: tuple[Work, ...] = ()


class Replay:
    """One history, prepared once and replayed with any number of policies."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._stays: dict[tuple[bool, bool], list[tuple[float, float]]] = {}
        self._works: dict[str | None, list[tuple[float, float]]] = {}
        self._arrivals: list[float] | None = None

    def run(self, policy: Policy, services: Iterable[ReplayedService]) -> tuple[Outcome, ...]:
        """Return what ``policy`` would have done with each service."""
        return tuple(self._one(policy, service) for service in services)

    def sweep(
        self, policy: Policy, service: ReplayedService, idle_after_s: Sequence[float]
    ) -> tuple[tuple[float, Outcome], ...]:
        """Return the outcome for each idle time: the chart of hours saved against waits."""
        base = policy.for_service(service.name, service.kind)
        return tuple((seconds, self._replay(policy, service, base, seconds)) for seconds in idle_after_s)

    def _one(self, policy: Policy, service: ReplayedService) -> Outcome:
        rules = policy.for_service(service.name, service.kind)
        idle_after_s = None if policy.mode == "off" else rules.idle_after_s
        return self._replay(policy, service, rules, idle_after_s)

    def _replay(
        self, policy: Policy, service: ReplayedService, rules: ServiceRules, idle_after_s: float | None
    ) -> Outcome:
        if idle_after_s is None:
            return self._outcome(service, [], [], 0)
        pool = service.name.removeprefix("pool:") if service.kind == "pool" else None
        works = self._work(pool) if rules.busy_blocks else []
        sources = [works, self._people(rules.connected_blocks, rules.observers_block)]
        sources += [[*self._awake(policy)]] if policy.awake_schedule else []
        stretches = _merge(sources)
        stopped = self._stops(stretches, policy, rules, idle_after_s)
        return self._outcome(service, stopped, self._arriving(), _hits(stopped, self._work(pool)))

    def _stops(
        self, stretches: Sequence[tuple[float, float]], policy: Policy, rules: ServiceRules, idle_after_s: float
    ) -> list[tuple[float, float]]:
        """Return when the service would have been stopped: (from, to)."""
        stopped: list[tuple[float, float]] = []
        flaps: list[float] = []
        factor, ready_at, quiet_since = 1, self._history.start, self._history.start
        end = self._history.end
        for start, until in [*stretches, (end, end)]:
            stop_at = max(quiet_since + idle_after_s * factor, ready_at + rules.min_uptime_s)
            if stop_at < start:
                stopped.append((stop_at, start))
                ready_at = start
                flaps, factor = flap_factor(
                    flaps, stopped_at=stop_at, now=start, idle_after_s=idle_after_s, limit=policy.flap_limit
                )
            quiet_since = until
        return stopped

    def _outcome(
        self, service: ReplayedService, stopped: Sequence[tuple[float, float]], arrivals: Sequence[float], hits: int
    ) -> Outcome:
        history = self._history
        seconds = sum(until - start for start, until in stopped)
        woken = [until for _, until in stopped if until < history.end]
        waits = _waits(woken, arrivals, service.start_s)
        return Outcome(
            service=service.name,
            hours=(history.end - history.start) / HOUR_S,
            hours_stopped=seconds / HOUR_S,
            gib_hours_saved=seconds / HOUR_S * service.memory_bytes / GIB,
            stops=len(stopped),
            wakes=len(woken),
            people_who_waited=len(waits),
            waits_s=tuple(waits),
            stops_that_hit_work=hits,
        )

    def _people(self, people: bool, observers: bool) -> list[tuple[float, float]]:
        known = self._stays.get((people, observers))
        if known is None:
            wanted = [(s.start, s.end) for s in self._history.stays if (observers if s.observer else people)]
            known = self._stays[(people, observers)] = sorted(wanted)
        return known

    def _work(self, pool: str | None) -> list[tuple[float, float]]:
        known = self._works.get(pool)
        if known is None:
            wanted = [(w.start, w.end) for w in self._history.works if pool is None or w.pool == pool]
            known = self._works[pool] = sorted(wanted)
        return known

    def _arriving(self) -> list[float]:
        if self._arrivals is None:
            self._arrivals = sorted(s.start for s in self._history.stays if not s.observer)
        return self._arrivals

    def _awake(self, policy: Policy) -> Iterable[tuple[float, float]]:
        """Stretches of the weekly schedule, found by looking every five minutes."""
        step = 300.0
        at = self._history.start
        while at < self._history.end:
            if any(window.open_since(at) is not None for window in policy.awake_schedule):
                yield at, min(at + step, self._history.end)
            at += step


def _merge(sources: Sequence[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Merge overlapping intervals into stretches, in order."""
    merged: list[tuple[float, float]] = []
    first, last = 0.0, float("-inf")
    for start, end in sorted([interval for source in sources for interval in source]):
        if start > last:
            if last != float("-inf"):
                merged.append((first, last))
            first, last = start, end
        elif end > last:
            last = end
    if last != float("-inf"):
        merged.append((first, last))
    return merged


def _hits(stopped: Sequence[tuple[float, float]], works: Sequence[tuple[float, float]]) -> int:
    """Stops at a moment when a run was under way: checked against the raw runs, not against what was merged."""
    count = index = 0
    latest = float("-inf")
    for at, _ in stopped:
        while index < len(works) and works[index][0] <= at:
            latest = max(latest, works[index][1])
            index += 1
        count += latest > at
    return count


def _waits(woken: Sequence[float], arrivals: Sequence[float], start_s: float) -> list[float]:
    """Everybody who comes between a wake and the moment the service is there waits for the rest of the start."""
    waits: list[float] = []
    index = 0
    for at in woken:
        while index < len(arrivals) and arrivals[index] < at:
            index += 1
        while index < len(arrivals) and arrivals[index] < at + start_s:
            waits.append(at + start_s - arrivals[index])
            index += 1
    return waits
