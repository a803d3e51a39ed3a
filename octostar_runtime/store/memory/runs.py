"""Runs in memory."""

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.runs import WAITING, RunRecord, RunState
from octostar_runtime.query import parse
from octostar_runtime.store.anonymous import Mentions, without_mention, without_person
from octostar_runtime.store.grouping import FAILED, Sample, Shelf, bucketed, check_key, grouped, stretches
from octostar_runtime.store.runcodec import error_key


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPage:
    """One page of runs."""

    runs: tuple[RunRecord, ...]
    total: int
    exact: bool = True
    next: str | None = None


class MemoryRuns:
    """Runs by id."""

    def __init__(self, now: Callable[[], float], limit: int) -> None:
        self._now = now
        self._limit = limit
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, RunRecord] = OrderedDict()
        self._portable: dict[str, str] = {}

    def write(self, runs: Sequence[RunRecord], portable: Mapping[str, str] | None = None) -> None:
        """Keep the newer version of each run; an end is final."""
        with self._lock:
            for run in runs:
                before = self._runs.get(run.run_id)
                if before is None or (before.seq < run.seq and (not before.terminal or before.state is run.state)):
                    ended_at = run.ended_at if run.ended_at is not None else run.queued_at
                    self._runs[run.run_id] = replace(run, ended_at=ended_at if run.terminal else None)
            for run_id, text in (portable or {}).items():
                self._portable.setdefault(run_id, text)
            while len(self._runs) > self._limit:
                run_id, _ = self._runs.popitem(last=False)
                self._portable.pop(run_id, None)

    def every(self) -> list[RunRecord]:
        """Return all runs there are."""
        with self._lock:
            return list(self._runs.values())

    def get(self, run_id: str) -> RunRecord | None:
        """Return the run as it was last stored."""
        return self._runs.get(run_id)

    def find(
        self, query: str, *, limit: int, offset: int = 0, sort: str = "-queued_at", after: str | None = None
    ) -> MemoryPage:
        """Return the runs that ``query`` finds; ``after`` is the ``next`` of the page before."""
        if sort.removeprefix("-") not in SORT_FIELDS:
            raise InvalidInput(
                f"cannot sort by {sort!r}; use one of {', '.join(SORT_FIELDS)}, with a '-' in front to descend"
            )
        if limit < 1 or offset < 0:
            raise InvalidInput("limit must be at least 1 and offset at least 0")
        read = parse(query)
        found = [run for run in self.every() if read.matches(run, self._now())]
        found.sort(key=SORT_FIELDS[sort.removeprefix("-")], reverse=sort.startswith("-"))
        if after and not after.isdecimal():
            raise InvalidInput("the page's cursor cannot be read; start again from the first page")
        start = int(after) if after else offset
        page = tuple(found[start : start + limit])
        more = str(start + limit) if len(found) > start + limit else None
        return MemoryPage(runs=page, total=len(found), next=more)

    def spans(self, since: float, until: float, *, limit: int) -> list[tuple[float, float | None, str]]:
        """Return (queued_at, ended_at, pool) of the runs at work at some time from ``since`` to ``until``."""
        found = [
            run for run in self.every() if run.queued_at < until and (run.ended_at is None or run.ended_at >= since)
        ]
        return [(run.queued_at, run.ended_at, run.pool) for run in found[-limit:]]

    def count(self, query: str) -> int:
        """Return how many runs ``query`` finds."""
        read, now = parse(query), self._now()
        return sum(1 for run in self.every() if read.matches(run, now))

    def counts(self, *, without_node: str | None = None) -> dict[RunState, int]:
        """Return how many runs of each state are kept."""
        return dict(Counter(run.state for run in self.every() if run.node_id != without_node))

    def groups(self, query: str, *, by: str, limit: int = 50) -> RunGroups:
        """Group what ``query`` finds by name, error, user, pool or state, the largest groups first."""
        check_key(by)
        found = self._samples(query, by)
        if by == "error":
            found = [sample for sample in found if sample.state in FAILED]
        return grouped(found, limit=limit, exact=True)

    def buckets(self, query: str, *, since: float, until: float, step_s: float) -> RunGroups:
        """Cut the time from ``since`` to ``until`` (UTC) into stretches and say how the runs queued in each fared."""
        samples = self._samples(query, "state")
        return bucketed(
            Shelf(piece, [sample for sample in samples if piece.since <= sample.queued_at < piece.until])
            for piece in stretches(since, until, step_s)
        )

    def _samples(self, query: str, by: str) -> list[Sample]:
        read, now = parse(query), self._now()
        found = [run for run in self.every() if read.matches(run, now)]

        def key(run: RunRecord) -> str | None:
            if by == "error":
                return error_key(run)
            return run.state.value if by == "state" else getattr(run, by)

        return [Sample(key(run) or "", run.state.value, run.queued_at, run.wait_s, run.run_s) for run in found]

    def versions(self, *, without_node: str, limit_live: int, limit_ended: int) -> dict[str, int]:
        """Return ``{run_id: seq}`` of other nodes' live runs and newest ended ones."""
        others = [run for run in self.every() if run.node_id != without_node]
        live = sorted((r for r in others if not r.terminal), key=lambda r: (r.state in WAITING, -r.queued_at))[
            :limit_live
        ]
        ended = sorted((r for r in others if r.terminal), key=lambda r: -(r.ended_at or 0.0))[:limit_ended]
        return {run.run_id: run.seq for run in (*ended, *live)}

    def many(self, run_ids: Sequence[str]) -> list[RunRecord]:
        """Return those of the named runs that are stored."""
        return [run for run_id in run_ids if (run := self._runs.get(run_id)) is not None]

    def failed_since(self, at: float) -> int:
        """Return how many runs failed at or after the UTC second ``at``."""
        return sum(1 for run in self.every() if run.state.value in FAILED and (run.ended_at or 0.0) >= at)

    def erase(self, user: str) -> int:
        """Remove what is personal of ``user``."""
        with self._lock:
            mentions = Mentions(user)
            changed = 0
            for run in list(self._runs.values()):
                after = without_person(run) if run.user == user else without_mention(run, mentions)
                if after is not run:
                    changed += 1
                    self._portable.pop(run.run_id, None)
                    self._runs[run.run_id] = after
            return changed

    def portable_arguments(self, run_id: str) -> dict[str, object] | None:
        """Return the arguments with which a run can be repeated on any node."""
        text = self._portable.get(run_id)
        return None if text is None else dict(json.loads(text))


SORT_FIELDS: Mapping[str, Callable[[RunRecord], tuple[object, ...]]] = {
    "queued_at": lambda run: (run.queued_at, run.run_id),
    "started_at": lambda run: (run.started_at is not None, run.started_at, run.run_id),
    "ended_at": lambda run: (run.ended_at is not None, run.ended_at, run.run_id),
    "name": lambda run: (run.name.casefold(), run.run_id),
    "user": lambda run: ((run.user or "").casefold(), run.run_id),
    "state": lambda run: (run.state.value, run.run_id),
    "pool": lambda run: (run.pool, run.run_id),
    "node_id": lambda run: (run.node_id, run.run_id),
    "wait_s": lambda run: (run.wait_s is not None, run.wait_s, run.run_id),
    "run_s": lambda run: (run.run_s is not None, run.run_s, run.run_id),
}
