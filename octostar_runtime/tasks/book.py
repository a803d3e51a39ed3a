"""The book of runs: finding them, keeping ended ones within bounds, and telling which have changed.

Plain data, guarded by the manager's lock; ``changed`` alone may be called without it.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable
from operator import attrgetter
from typing import Any

from octostar_runtime.errors import ResultExpired, TaskNotFound
from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.ended_runs import EndedRuns
from octostar_runtime.tasks.live_runs import LiveRuns
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.utilisation import BusyMeter

#: Ended runs whose closure or arguments are held for a retry.
REPLAYABLE = 1_000
#: Ended runs that may wait to be measured and filed: some in one go cost less than as many one by one, and whoever
#: waits for a run need not wait for this. A hundredth of what is kept at most, so that a small book keeps to its limit.
FILED_AT_ONCE = 32
#: Bytes of a result, or of arguments, that must not wait to be counted.
SMALL = 10_000
#: Task ids of dropped runs that are remembered, to say "expired" rather than "unknown".
REMEMBERED = 10_000
#: Changed runs that wait to be drained before a full resynchronisation takes their place.
CHANGES = 250_000


class RunBook:
    """All runs this process knows. Retention: newest ``limit`` ended runs, ``max_age_s``, ``max_bytes``.

    The bytes are what ended runs hold: results, logs, tracebacks. What is kept for a retry has as many of its own, so
    that a large argument costs nobody a result.
    """

    def __init__(self, *, limit: int, max_age_s: float, max_bytes: int) -> None:
        self.limit = limit
        self.max_age_s = max_age_s
        self.max_bytes = max_bytes
        # those that are not filed, and the newest of each task
        self.live = LiveRuns()
        self.newest: dict[Hashable, Run] = {}
        self.filed_at_once = max(1, min(FILED_AT_ONCE, limit // 100))
        #: What has ended since :meth:`file`, with the meter of the worker that executed it.
        self.unfiled: deque[tuple[Run, BusyMeter | None]] = deque()
        self.ended = EndedRuns(limit)  # the filed ones
        self.ended_counts: dict[RunState, int] = dict.fromkeys(RunState, 0)
        self.held_bytes = 0
        self.call_bytes = 0
        self.runs_dropped = 0
        self.results_dropped = 0
        self.details_dropped = 0  # runs whose logs and traceback had to go
        self.tracking = False
        self.resynchronisations = 0
        self._holding: deque[Run] = deque()
        self._replayable: deque[Run] = deque()
        self._expired: set[Hashable] = set()
        self._expired_before: set[Hashable] = set()
        self._dirty: deque[Run] = deque(maxlen=CHANGES + 1)
        self._due: deque[Run] = deque()  # those of a full resynchronisation, before the changed ones
        self.noted = self._dirty.append  # for a run that has just been marked dirty
        #: Where to leave what is to be done once the lock is free.
        self.later: Callable[[Callable[[], object]], object] = _at_once
        # evicting one by one costs a little each; a large book may overshoot by a percent instead
        self._too_many = limit + self.ended.page_size

    def find(self, key: Hashable) -> Run:
        """Return the newest run of a task; ResultExpired when it was dropped, TaskNotFound when never seen."""
        try:
            run = self.newest.get(key)
            if run is None or run.ended_mono is not None:
                self.file()  # which may let go of it
                run = self.newest.get(key) or self.ended.of_key(key)
        except TypeError:
            raise TaskNotFound("no task is known under an id that is not hashable") from None
        if run is not None:
            return run
        shown = key[-1] if isinstance(key, tuple) and key else key
        if key in self._expired or key in self._expired_before:
            raise ResultExpired(
                f"task {shown!r} has ended and was dropped: {self.limit} ended runs are kept "
                f"for {self.max_age_s / 3600:g} h; raise OCTOSTAR_RETAIN_RUNS or OCTOSTAR_RETAIN_HOURS"
            )
        raise TaskNotFound(f"no task {shown!r} is known; submit it first")

    def get(self, run_id: str) -> Run:
        """Return the run of that id; TaskNotFound when it is unknown or was dropped."""
        run = self.look_up(run_id)
        if run is None:
            raise TaskNotFound(f"no run {run_id!r} is kept in this process; look in the history")
        return run

    def look_up(self, run_id: str) -> Run | None:
        """Return the run of that id, None when it is unknown or was dropped."""
        run = self.live.get(run_id)
        if run is not None and run.ended_mono is None:
            return run
        self.file()
        return self.ended.of_id(run_id)

    def rename(self, is_theirs: Callable[[Hashable], bool], renamed: Callable[[Any], Hashable]) -> None:
        """Let ``renamed(key)`` be the task of the runs whose key ``is_theirs``; what that has is found first."""
        self.file()
        for key in [key for key in self.newest if is_theirs(key)]:
            run = self.newest.pop(key)
            run.key = renamed(key)
            self.newest.setdefault(run.key, run)
        self.ended.rename(is_theirs, renamed)

    def file(self) -> None:
        """Measure and file the ended runs that wait for it. Whoever reads meters, or all ended runs, calls it first."""
        unfiled = self.unfiled
        while unfiled:
            run, meter = unfiled.popleft()
            if meter is not None:
                measure(run, meter)
            self._retire(run)

    def _retire(self, run: Run) -> None:
        """Keep an ended run within the bounds."""
        self.ended.add(run)
        self.live.remove(run)
        if self.newest.get(run.key) is run:
            del self.newest[run.key]
        self.ended_counts[run.state] += 1
        if not run.light:
            self._replayable.append(run)
            self.call_bytes += run.call_bytes
            if len(self._replayable) > REPLAYABLE or self.call_bytes > self.max_bytes:
                self._drop_calls()
        if run.result_bytes or run.extra is not None or run.logs is not None:
            held = run.held_bytes = _held_by(run)
            if held:
                self.held_bytes += held
                self._holding.append(run)
                if self.held_bytes > self.max_bytes:
                    self._drop_details()
        if len(self.ended) >= self._too_many:
            self._drop_runs(self.ended.pop_page())

    def hold(self, run: Run, data: Any, size: int) -> bool:
        """Keep the result of an ended run that came later; False when it would take most of the room there is."""
        self.file()
        if run.result_bytes is None or run.result_bytes <= 0 or size * 2 > self.max_bytes:
            return False
        grown = size - run.result_bytes
        run.data, run.result_bytes = data, size
        run.held_bytes += grown
        self.held_bytes += grown
        if self.held_bytes > self.max_bytes:
            self._drop_details()
        return True

    def expire(self, now: float) -> None:
        """Drop what has grown too old."""
        self.file()
        old: list[Run] = []
        while (oldest := self.ended.oldest()) is not None and (oldest.ended_mono or 0.0) <= now - self.max_age_s:
            old.append(self.ended.pop())
        self._drop_runs(old)

    def next_expiry(self) -> float | None:
        """Return when the oldest ended run grows too old, in monotonic seconds."""
        self.file()
        oldest = self.ended.oldest()
        return None if oldest is None else (oldest.ended_mono or 0.0) + self.max_age_s

    def changed(self, run: Run) -> None:
        """Note that a run has changed. Only atomic steps: may be called without the lock."""
        if not self.tracking or run.dirty:
            return
        run.dirty = True
        self._dirty.append(run)

    def take_changes(self, limit: int | None = None) -> list[Run]:
        """Return up to ``limit`` runs that changed since they were last returned, each once.

        All runs are due with the first call, and once too many wait.
        """
        if not self.tracking or len(self._dirty) > CHANGES:
            self.file()
            self.resynchronisations += self.tracking
            self.tracking = True
            self._dirty.clear()
            self._due = deque(sorted((*self.ended, *self.live), key=attrgetter("run_id")))
            for run in self._due:
                run.dirty = True
        left = len(self._due) + len(self._dirty) if limit is None else limit
        changed: list[Run] = []
        for waiting in (self._due, self._dirty):
            # one by one, since a line may be logged meanwhile
            changed += [waiting.popleft() for _ in range(min(left - len(changed), len(waiting)))]
        for run in changed:
            run.dirty = False
        return changed

    @property
    def changes_waiting(self) -> int:
        """How many changed runs wait to be drained."""
        return len(self._dirty)

    def _drop_runs(self, runs: Collection[Run]) -> None:
        """Forget ended runs that have just been taken out."""
        gone: list[Any] = []
        counts = self.ended_counts
        for run in runs:
            counts[run.state] -= 1
            if run.data is not None or not run.light:
                gone += (run.fn, run.kwargs, run.data)
                run.fn = run.kwargs = run.data = None
                self.call_bytes -= run.call_bytes
                run.call_bytes = 0
            if run.held_bytes:
                self.held_bytes -= run.held_bytes
                run.held_bytes = 0
        self._expired.update([run.key for run in runs])
        self._let_go(gone)
        self.runs_dropped += len(runs)
        if len(self._expired) > REMEMBERED // 2:
            self._expired_before, self._expired = self._expired, set()
        while self._holding and not self._holding[0].held_bytes:
            self._holding.popleft()
        while self._replayable and self._replayable[0].fn is None:
            self._replayable.popleft()

    def _let_go(self, things: list[Any]) -> None:
        """Let go of what belongs to the app once the lock is free: its ``__del__`` may do anything."""
        if things:
            self.later(things.clear)

    def _drop_calls(self) -> None:
        """Let go of the oldest functions and arguments; those runs cannot be retried any more."""
        gone: list[Any] = []
        while self._replayable and (len(self._replayable) > REPLAYABLE or self.call_bytes > self.max_bytes):
            run = self._replayable.popleft()
            self.call_bytes -= run.call_bytes
            run.call_bytes = 0
            gone += (run.fn, run.kwargs)
            run.fn = run.kwargs = None
            run.seq += 1
        self._let_go(gone)

    def _drop_details(self) -> None:
        """Let go of the oldest results, logs and tracebacks; their runs stay, and so does what a store has of them."""
        gone: list[Any] = []
        while self.held_bytes > self.max_bytes and self._holding:
            run = self._holding.popleft()
            if not run.held_bytes:
                continue
            self.held_bytes -= run.held_bytes
            run.held_bytes = 0
            run.seq += 1
            if run.result_bytes:
                run.result_bytes = -1
                gone.append(run.data)
                run.data = None
                self.results_dropped += 1
            if run.logs is not None or (run.extra is not None and run.extra.traceback):
                self.details_dropped += 1
            if run.logs is not None:
                run.logs.lines.clear()
            if run.extra is not None:
                run.extra.traceback = run.extra.portable = None
        self._let_go(gone)


def measure(run: Run, meter: BusyMeter, ended: float | None = None) -> None:
    """Count an execution that ended at ``ended``, or with the run, on its worker's meter and in its pool's spread."""
    started, ended = run.started_mono, run.ended_mono if ended is None else ended
    assert started is not None
    assert ended is not None
    meter.record(run.run_id, run.name, started, ended)
    run.pool.spread.record(started - run.ready_mono, ended - started, ended)


def _at_once(call: Callable[[], object]) -> object:
    return call()


def _held_by(run: Run) -> int:
    """Return the bytes an ended run keeps beyond a record's ordinary size."""
    size = run.result_bytes or 0
    if run.logs is not None:
        size += run.logs.size
    extra = run.extra
    if extra is not None:
        size += len(extra.traceback or "") + len(extra.error or "") + len(extra.portable or "")
    return size
