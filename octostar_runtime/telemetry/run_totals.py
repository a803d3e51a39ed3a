"""Running totals of runs: ended ones by pool, name and state, live ones too, and histograms of waits and run times."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from octostar_runtime.models.durations import Durations
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord

#: Different names, and different pools, that get a label of their own.
NAMES = 100
OTHER = "other"
SEEN = 200_000
Key = tuple[str, str, str]  # pool, name, state


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotalsView:
    """The totals at one moment."""

    ended: dict[Key, int]
    live: dict[Key, int]
    waits: dict[str, Durations]  # by pool
    runs: dict[str, Durations]


class RunTotals:
    """Counts each run once when it has ended. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._last: FleetSnapshot | None = None
        self._ended: Counter[Key] = Counter()
        self._live: Counter[Key] = Counter()
        self._names: set[str] = set()
        self._waits: dict[str, Durations] = {}
        self._runs: dict[str, Durations] = {}

    def follow(self, snapshot: FleetSnapshot) -> int:
        """Count what ended since the snapshot before, and return how many; the first one only tells what is past."""
        with self._lock:
            if snapshot is self._last:
                return 0
            last, self._last = self._last, snapshot
            self._live = Counter([self._key(record) for record in snapshot.runs if record.ended_at is None])
            return self._observe(_changed(snapshot.runs, last.runs if last else ()), quietly=last is None)

    def observe(self, records: Iterable[RunRecord], *, quietly: bool = False) -> int:
        """Count the ended runs among ``records`` that were not counted before; return how many."""
        with self._lock:
            return self._observe(tuple(records), quietly=quietly)

    def note(self, run_ids: Iterable[str]) -> None:
        """Take the ends of those runs for past: they are never counted."""
        with self._lock:
            self._seen.update(dict.fromkeys(run_ids))

    def unknown(self, run_ids: Iterable[str]) -> list[str]:
        """Return those of the ids whose end has not been counted."""
        with self._lock:
            return [run_id for run_id in run_ids if run_id not in self._seen]

    def read(self) -> RunTotalsView:
        """Return the totals."""
        with self._lock:
            return RunTotalsView(
                ended=dict(self._ended),
                live=dict(self._live),
                waits={pool: durations.copy() for pool, durations in self._waits.items()},
                runs={pool: durations.copy() for pool, durations in self._runs.items()},
            )

    def _observe(self, records: Sequence[RunRecord], *, quietly: bool) -> int:
        seen = self._seen
        new = [record for record in records if record.ended_at is not None and record.run_id not in seen]
        seen.update(dict.fromkeys([record.run_id for record in new]))
        while len(seen) > SEEN:
            seen.popitem(last=False)
        if not quietly:
            for record in new:
                self._count(record)
        return len(new)

    def _count(self, record: RunRecord) -> None:
        key = self._key(record)
        self._ended[key] += 1
        pool = key[0]
        waits, runs = self._waits.setdefault(pool, Durations()), self._runs.setdefault(pool, Durations())
        if record.wait_s is not None:
            waits.add(record.wait_s)
        if record.run_s is not None:
            runs.add(record.run_s)

    def _key(self, record: RunRecord) -> Key:
        pool = record.pool if record.pool in self._waits or len(self._waits) < NAMES else OTHER
        name = record.name if record.name in self._names or len(self._names) < NAMES else OTHER
        self._names.add(name)
        return pool, name, record.state.value


def _changed(runs: Sequence[RunRecord], before: Sequence[RunRecord]) -> list[RunRecord]:
    """Return at least the records that were not in the snapshot before, by walking both in step.

    Both are in the same order and share the objects of what has not changed, so that of a hundred thousand records
    hardly any has to be looked at. Where the walk loses step, more is returned than changed.
    """
    changed: list[RunRecord] = []
    at, padded = 0, (*before, None, None)
    for record in runs:
        if record is padded[at]:
            at += 1
        elif record is padded[at + 1]:  # one has gone, or has changed
            at += 2
        else:
            changed.append(record)
    return changed
