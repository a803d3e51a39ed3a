"""The waiting line of a pool: fair between sessions, ordered by priority inside one.

Sessions take turns in rounds. A session that has not been served in the present round joins it, so its first run
waits for the runs that are executing and for nobody's backlog; one that has been served waits for the next round.
How many may join a round late is limited, so that an endless stream of new sessions cannot starve the old ones.

All calls are made under the manager's lock. ``add`` and ``take`` cost the same however many wait; a cancelled run stays
where it is as a blank and is skipped, and blanks are swept out when they outnumber the living.
"""

from bisect import insort
from collections import deque
from collections.abc import Hashable, Iterable, Iterator

from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.run import Run

#: Sessions that may join a round after it began.
LATE_JOINERS = 1_000
#: Sessions without work that are remembered: making a session's line anew costs more than all else at a submit.
REMEMBERED = 1_000
_SWEEP_FROM = 32
QUEUED = RunState.QUEUED


class Group:
    """The runs of one session: those that wait, by priority, and how many execute now."""

    __slots__ = ("blanks", "count", "key", "levels", "listed", "order", "running", "served")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.levels: dict[int, deque[Run]] = {}  # by priority
        self.order: list[int] = []  # the priorities there are, the highest last
        self.count = 0
        self.blanks = 0
        self.running = 0
        self.served = -1  # the last round in which it had its turn
        self.listed = False

    def push(self, run: Run) -> None:
        """Append behind the runs of the same priority."""
        priority = run.options.priority
        self.count += 1
        runs = self.levels.get(priority)
        if runs is None:
            runs = self.levels[priority] = deque()
            insort(self.order, priority)
        runs.append(run)

    def pop(self) -> Run | None:
        """Take the first living run; None when only blanks were left."""
        levels, order = self.levels, self.order
        while order:
            runs = levels[order[-1]]
            while runs:
                run = runs.popleft()
                if run.state is QUEUED:
                    self.count -= 1
                    return run
                self.blanks -= 1
            if len(order) == 1:  # most have one priority only: keep its line
                return None
            del levels[order.pop()]
        return None

    def sweep(self) -> None:
        """Forget the blanks."""
        self.levels = {
            level: living
            for level, runs in self.levels.items()
            if (living := deque(run for run in runs if run.state is QUEUED))
        }
        self.order = sorted(self.levels)
        self.blanks = 0

    def clear(self) -> None:
        """Forget everything that waits."""
        self.levels, self.order, self.count, self.blanks = {}, [], 0, 0

    def last(self) -> Run | None:
        """Return the run that is to start last."""
        for level in self.order:
            for run in reversed(self.levels[level]):
                if run.state is QUEUED:
                    return run
        return None

    def __iter__(self) -> Iterator[Run]:
        for level in reversed(self.order):
            yield from (run for run in self.levels[level] if run.state is QUEUED)


class FairQueue:
    """Waiting runs of one pool. ``per_session_limit`` caps how many of a session execute at once."""

    __slots__ = ("_current", "_drop_above", "_groups", "_late", "_next", "_round", "per_session_limit", "size")

    def __init__(self, per_session_limit: int | None = None) -> None:
        self.per_session_limit = per_session_limit
        self.size = 0
        self._groups: dict[Hashable, Group] = {}
        self._current: deque[Group] = deque()
        self._next: deque[Group] = deque()
        self._round = 0
        self._late = 0
        self._drop_above = REMEMBERED

    def add(self, run: Run, key: Hashable) -> None:
        """Let ``run`` wait in the line of ``key``, its session."""
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key)
        run.group = group
        runs = group.levels.get(run.options.priority)
        if runs is None:
            group.push(run)
        else:  # what push() does, written out: it happens at every submit
            runs.append(run)
            group.count += 1
        self.size += 1
        if group.listed:
            return
        if self.per_session_limit is not None:
            self._list(group)
            return
        group.listed = True  # what _list() does without a limit, written out
        if group.served == self._round or self._late >= LATE_JOINERS:
            self._next.append(group)
        else:
            self._late += 1
            self._current.append(group)

    def take(self) -> Run | None:
        """Return the run whose turn it is; None when none may start."""
        limit = self.per_session_limit
        while self.size:
            if not self._current:
                if not self._next:
                    return None
                self._current, self._next = self._next, self._current
                self._round += 1
                self._late = 0
            group = self._current.popleft()
            if limit is not None and group.running >= limit:  # it was handed executing runs while it stood in line
                group.listed = False
                continue
            runs = group.levels[group.order[-1]] if group.order else None
            if runs and runs[0].state is QUEUED:  # what pop() does with the first, written out
                run: Run | None = runs.popleft()
                group.count -= 1
            else:
                run = group.pop()
            if run is None:
                group.listed = False
                self._drop_unused()
                continue
            self.size -= 1
            group.running += 1
            group.served = self._round
            if group.count and (limit is None or group.running < limit):
                self._next.append(group)
            else:
                group.listed = False
            return run
        if self._current or self._next:
            self._forget_empty()
        return None

    def last(self) -> Run | None:
        """Return a run that will be among the last to start."""
        for group in self._groups.values():
            if group.count:
                return group.last()
        return None

    def release(self, run: Run) -> None:
        """Note that ``run``, taken earlier, no longer executes."""
        group = run.group
        if group is None:
            return
        run.group = None
        group.running -= 1
        if group.count:
            if not group.listed:
                self._list(group)
        elif not group.listed and len(self._groups) > self._drop_above:
            self._drop_unused()

    def discard(self, run: Run) -> None:
        """Note that ``run`` was cancelled while it waited; its state has been changed already."""
        group = run.group
        run.group = None
        if group is None:
            return
        group.count -= 1
        group.blanks += 1
        self.size -= 1
        if group.blanks > _SWEEP_FROM and group.blanks > group.count:
            group.sweep()

    def of(self, key: Hashable) -> list[Run]:
        """Return the waiting runs of one session."""
        group = self._groups.get(key)
        return list(group) if group is not None else []

    def rename(self, old: Hashable, new: Hashable, executing: Iterable[Run]) -> None:
        """Hand the line of ``old``, and its part in ``executing``, to ``new``; the runs keep their order."""
        source = self._groups.pop(old, None)
        if source is None:
            return
        target = self._groups.get(new)
        if target is None:
            source.key = new
            self._groups[new] = source
            return
        for run in source:
            run.group = target
            target.push(run)
        source.clear()  # it leaves the ring at its next turn
        for run in executing:
            if run.group is source:
                run.group = target
                target.running += 1
        if target.count and not target.listed:
            self._list(target)

    def __iter__(self) -> Iterator[Run]:
        for group in self._groups.values():
            yield from group

    def _forget_empty(self) -> None:
        """Empty the rounds when nothing waits: what is listed has had all its runs cancelled."""
        for group in (*self._current, *self._next):
            group.listed = False
        self._current.clear()
        self._next.clear()
        self._drop_unused()

    def _list(self, group: Group) -> None:
        """Give the group a place in this round, or in the next when it has had its turn."""
        limit = self.per_session_limit
        if limit is not None and group.running >= limit:
            return
        group.listed = True
        if group.served == self._round or self._late >= LATE_JOINERS:
            self._next.append(group)
        else:
            self._late += 1
            self._current.append(group)

    def _drop_unused(self) -> None:
        """Forget the sessions without work, once there are many; seldom, so that it costs next to nothing a run."""
        if len(self._groups) <= self._drop_above:
            return
        self._groups = {
            key: group for key, group in self._groups.items() if group.count or group.running or group.listed
        }
        self._drop_above = max(REMEMBERED, 2 * len(self._groups))
