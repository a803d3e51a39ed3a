"""Groups and time buckets over many runs: counts, failure rates and percentiles, from a few numbers of each run.

Pure. The stores hand over the newest runs that a search finds, up to :data:`MOST`, and say when there were more.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from octostar_runtime.models.runs import RunState

MOST = 20_000
FAILED = frozenset({RunState.ERROR.value, RunState.TIMED_OUT.value, RunState.LOST.value})
GROUP_BY = ("name", "error", "user", "pool", "state")


class Sample(NamedTuple):
    """What grouping needs of a run."""

    key: str
    state: str
    queued_at: float
    wait_s: float | None
    run_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroup:
    """Runs that have ``key`` in common (or were queued in the bucket that begins at ``at``). Percentiles in seconds."""

    key: str = ""
    at: float | None = None
    count: int
    failed: int
    live: int
    newest_at: float
    wait_p50_s: float | None = None
    wait_p95_s: float | None = None
    run_p50_s: float | None = None
    run_p95_s: float | None = None

    @property
    def failure_rate(self) -> float:
        """Failed ÷ ended, 0..1."""
        ended = self.count - self.live
        return self.failed / ended if ended else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroups:
    """Groups, the largest first (buckets: the oldest first). ``of`` runs were looked at; ``exact``: those are all."""

    groups: tuple[RunGroup, ...]
    of: int
    exact: bool = True


def grouped(samples: Sequence[Sample], *, limit: int, exact: bool) -> RunGroups:
    """Return the ``limit`` largest groups by key."""
    shelves: dict[str, list[Sample]] = {}
    for sample in samples:
        shelves.setdefault(sample.key, []).append(sample)
    largest = sorted(shelves.items(), key=lambda item: (-len(item[1]), item[0]))[:limit]
    return RunGroups(groups=tuple(_group(each, key=key) for key, each in largest), of=len(samples), exact=exact)


def bucketed(samples: Sequence[Sample], *, step_s: float, exact: bool) -> RunGroups:
    """Return one group for each stretch of ``step_s`` seconds in which runs were queued, the oldest first."""
    shelves: dict[float, list[Sample]] = {}
    for sample in samples:
        shelves.setdefault(sample.queued_at // step_s * step_s, []).append(sample)
    return RunGroups(
        groups=tuple(_group(each, at=at) for at, each in sorted(shelves.items())), of=len(samples), exact=exact
    )


def _group(samples: Sequence[Sample], *, key: str = "", at: float | None = None) -> RunGroup:
    states = Counter(sample.state for sample in samples)
    failed = sum(states[state] for state in FAILED)
    live = sum(n for state, n in states.items() if not RunState(state).terminal)
    wait, run = _sorted(s.wait_s for s in samples), _sorted(s.run_s for s in samples)
    return RunGroup(
        key=key,
        at=at,
        count=len(samples),
        failed=failed,
        live=live,
        newest_at=max(sample.queued_at for sample in samples),
        wait_p50_s=_at(wait, 0.5),
        wait_p95_s=_at(wait, 0.95),
        run_p50_s=_at(run, 0.5),
        run_p95_s=_at(run, 0.95),
    )


def _sorted(values: Iterable[float | None]) -> list[float]:
    return sorted(value for value in values if value is not None)


def _at(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
