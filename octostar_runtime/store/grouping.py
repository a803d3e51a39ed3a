"""Groups and time buckets over many runs: counts, failure rates and percentiles, from a few numbers of each run.

Pure. The stores hand over the newest runs that a search finds, up to :data:`MOST`, and say when there were more.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.groups import RunGroup, RunGroups
from octostar_runtime.models.runs import RunState

MOST = 20_000
MOST_BUCKETS = 200
FAILED = frozenset({RunState.ERROR.value, RunState.TIMED_OUT.value, RunState.LOST.value})
GROUP_BY = ("name", "error", "user", "pool", "state")


class Sample(NamedTuple):
    """What grouping needs of a run."""

    key: str
    state: str
    queued_at: float
    wait_s: float | None
    run_s: float | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of time, UTC seconds, ``until`` not included."""

    since: float
    until: float


def stretches(since: float, until: float, step_s: float) -> list[Stretch]:
    """Cut the time from ``since`` to ``until`` at multiples of ``step_s``; InvalidInput when that makes no sense."""
    if not (math.isfinite(since) and math.isfinite(until) and step_s > 0 and until > since):
        raise InvalidInput("time buckets need a beginning, an end behind it and a positive step in seconds")
    first, last = since // step_s, math.ceil(until / step_s)
    if last - first > MOST_BUCKETS:
        raise InvalidInput(f"that makes {last - first:.0f} time buckets; use a longer step, at most {MOST_BUCKETS}")
    cuts = [(first + number) * step_s for number in range(int(last - first) + 1)]
    return [Stretch(max(start, since), min(end, until)) for start, end in pairwise(cuts)]


def check_key(by: str) -> None:
    """Raise InvalidInput, naming what runs can be grouped by, when ``by`` is something else."""
    if by not in GROUP_BY:
        raise InvalidInput(f"cannot group by {by!r}; use one of {', '.join(GROUP_BY)}")


def grouped(samples: Sequence[Sample], *, limit: int, exact: bool) -> RunGroups:
    """Return up to ``limit`` groups by key: those with most failures first, then the largest."""
    shelves: dict[str, list[Sample]] = {}
    for sample in samples:
        shelves.setdefault(sample.key, []).append(sample)
    groups = sorted(
        (_group(each, key=key) for key, each in shelves.items()),
        key=lambda group: (-group.failed, -group.count, group.key),
    )
    return RunGroups(groups=tuple(groups[:limit]), of=len(samples), exact=exact)


class Shelf(NamedTuple):
    """The runs of one stretch: the samples looked at, and what was counted when those are not all."""

    stretch: Stretch
    samples: Sequence[Sample]
    counted: int | None = None
    counted_failed: int | None = None


def bucketed(shelves: Iterable[Shelf]) -> RunGroups:
    """Return one group for each stretch with runs; percentiles speak for the samples, counts for all counted."""
    groups, of, exact = [], 0, True
    for shelf in shelves:
        if not shelf.samples:
            continue
        of += len(shelf.samples)
        exact = exact and shelf.counted is None
        groups.append(_of_shelf(shelf))
    return RunGroups(groups=tuple(groups), of=of, exact=exact)


def _of_shelf(shelf: Shelf) -> RunGroup:
    group = _group(shelf.samples, at=shelf.stretch.since)
    if shelf.counted is None or shelf.counted <= group.count:
        return group
    live = round(group.live * shelf.counted / group.count)
    failed = group.failed if shelf.counted_failed is None else shelf.counted_failed
    return replace(group, count=shelf.counted, failed=failed, live=live)


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
