"""What is due when: timeouts, next attempts, stuck checks. One heap, looked at only when something is due.

All calls are made under the manager's lock. An entry whose run has moved on is a blank: it is skipped when its time
comes, and blanks are swept out when they outnumber the living.
"""

import heapq
from collections.abc import Callable
from enum import Enum, auto
from itertools import count

from octostar_runtime.tasks.run import Run

_SWEEP_FROM = 64


class Due(Enum):
    """What is to be done about a run when its time has come."""

    TIMEOUT = auto()
    RETRY = auto()
    STUCK = auto()
    REPLACE = auto()


Entry = tuple[float, int, Due, Run, int]


class Deadlines:
    """Deadlines of runs, in monotonic seconds. An entry belongs to one attempt of its run."""

    def __init__(self, still_wanted: Callable[[Due, Run, int], bool]) -> None:
        self._still_wanted = still_wanted
        self._heap: list[Entry] = []
        self._order = count()
        self._blanks = 0

    def add(self, when: float, what: Due, run: Run) -> bool:
        """Plan ``what`` for ``run``; True when it is now the earliest, so that whoever waits must look again."""
        heapq.heappush(self._heap, (when, next(self._order), what, run, run.attempt))
        return self._heap[0][3] is run and self._heap[0][2] is what

    def forget_one(self) -> None:
        """Note that one entry has become a blank."""
        self._blanks += 1
        if self._blanks > _SWEEP_FROM and self._blanks * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if self._still_wanted(entry[2], entry[3], entry[4])]
            heapq.heapify(self._heap)
            self._blanks = 0

    def pop_due(self, now: float) -> tuple[Due, Run] | None:
        """Return the next thing that is due and still wanted; None when there is none yet."""
        while self._heap and self._heap[0][0] <= now:
            _, _, what, run, attempt = heapq.heappop(self._heap)
            if self._still_wanted(what, run, attempt):
                return what, run
            self._blanks = max(0, self._blanks - 1)
        return None

    def next_at(self) -> float | None:
        """Return when to look again; None when nothing is planned."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)
