"""Running totals of ended runs: counts by pool, name and state, and histograms of waits and run times."""

import threading
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
#: Different names (and pools) that get a label of their own.
NAMES = 100
OTHER = "other"
SEEN = 200_000


@dataclass(slots=True)
class Durations:
    """A histogram: how many fell into each bucket, the last one without a bound."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.total_s += seconds


class RunTotals:
    """Counts each run once when it has ended. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._last: FleetSnapshot | None = None
        self._ended: Counter[tuple[str, str, str]] = Counter()
        self._names: set[str] = set()
        self._waits: dict[str, Durations] = {}
        self._runs: dict[str, Durations] = {}

    def follow(self, snapshot: FleetSnapshot) -> None:
        """Count what ended since the snapshot before; the first one only tells what is past."""
        with self._lock:
            if snapshot is self._last:
                return
            first, self._last = self._last is None, snapshot
        self.observe((run for run in snapshot.runs if run.ended_at is not None), quietly=first)

    def observe(self, records: Iterable[RunRecord], *, quietly: bool = False) -> None:
        """Count the ended runs among ``records`` that were not counted before."""
        with self._lock:
            for record in records:
                if record.ended_at is None or record.run_id in self._seen:
                    continue
                self._seen[record.run_id] = None
                if len(self._seen) > SEEN:
                    self._seen.popitem(last=False)
                if not quietly:
                    self._count(record)

    def read(self) -> tuple[dict[tuple[str, str, str], int], dict[str, Durations], dict[str, Durations]]:
        """Return (ended by pool, name and state; waits by pool; run times by pool)."""
        with self._lock:
            return (
                dict(self._ended),
                {pool: Durations(list(d.counts), d.total_s) for pool, d in self._waits.items()},
                {pool: Durations(list(d.counts), d.total_s) for pool, d in self._runs.items()},
            )

    def _count(self, record: RunRecord) -> None:
        pool = record.pool if record.pool in self._waits or len(self._waits) < NAMES else OTHER
        name = record.name if record.name in self._names or len(self._names) < NAMES else OTHER
        self._names.add(name)
        self._ended[pool, name, record.state.value] += 1
        waits, runs = self._waits.setdefault(pool, Durations()), self._runs.setdefault(pool, Durations())
        if record.wait_s is not None:
            waits.add(record.wait_s)
        if record.run_s is not None:
            runs.add(record.run_s)
