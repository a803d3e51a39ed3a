"""What waits to be stored: the newest version of each row, bounded, with a say in what goes first when it is full.

Dropped in this order: updates of runs and sessions that are still alive (the oldest first; a later one carries the
same facts), events that no person caused, and only when nothing else is left, audit events. Ends are never dropped.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import TypeVar

from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import TERMINAL, RunRecord
from octostar_runtime.models.sessions import SessionRecord, SessionState
from octostar_runtime.store.batch import Batch

T = TypeVar("T")


class Buffer:
    """Rows on their way to the store. Any thread may add; one thread takes."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.dropped = 0
        self._lock = threading.Lock()
        self._live_runs: OrderedDict[str, RunRecord] = OrderedDict()
        self._ended_runs: OrderedDict[str, RunRecord] = OrderedDict()
        self._live_sessions: OrderedDict[str, SessionRecord] = OrderedDict()
        self._ended_sessions: OrderedDict[str, SessionRecord] = OrderedDict()
        self._events: deque[Event] = deque()
        self._audit: deque[Event] = deque()

    def __len__(self) -> int:
        return sum(map(len, self._shelves()))

    def _shelves(self) -> Sequence[OrderedDict[str, RunRecord] | OrderedDict[str, SessionRecord] | deque[Event]]:
        """All that is kept, in the order in which it may be dropped."""
        return (
            self._live_runs, self._live_sessions, self._events, self._audit, self._ended_runs, self._ended_sessions,
        )  # fmt: skip

    @property
    def full_of_ends(self) -> bool:
        """Whether what may not be dropped fills the buffer alone; then no more should be fetched."""
        return len(self._ended_runs) + len(self._ended_sessions) >= self.capacity

    def add_runs(self, runs: Iterable[RunRecord]) -> None:
        """Keep the newest version of each run."""
        with self._lock:
            for run in runs:
                self._add_run(run)
            self._make_room()

    def add_sessions(self, sessions: Iterable[SessionRecord]) -> None:
        """Keep the newest version of each session."""
        with self._lock:
            for session in sessions:
                self._add_session(session)
            self._make_room()

    def add_event(self, event: Event) -> None:
        """Keep an event."""
        with self._lock:
            (self._events if event.actor is None else self._audit).append(event)
            self._make_room()

    def _add_run(self, run: RunRecord) -> None:
        before = self._ended_runs.get(run.run_id) or self._live_runs.get(run.run_id)
        if before is not None and before.seq > run.seq:
            return
        self._live_runs.pop(run.run_id, None)
        (self._ended_runs if run.state in TERMINAL else self._live_runs)[run.run_id] = run

    def _add_session(self, session: SessionRecord) -> None:
        key = session.session_id
        before = self._ended_sessions.get(key) or self._live_sessions.get(key)
        if before is not None and before.seq > session.seq:
            return
        self._live_sessions.pop(key, None)
        ended = session.state is SessionState.ENDED
        (self._ended_sessions if ended else self._live_sessions)[key] = session

    def _make_room(self) -> None:
        excess = len(self) - self.capacity
        for shelf in self._shelves()[:4]:
            while excess > 0 and shelf:
                if isinstance(shelf, deque):
                    shelf.popleft()
                else:
                    shelf.popitem(last=False)
                self.dropped += 1
                excess -= 1

    def take(self, limit: int) -> Batch:
        """Remove and return up to ``limit`` rows, ends and audit events first."""
        with self._lock:
            runs = _pop(self._ended_runs, limit)
            sessions = _pop(self._ended_sessions, limit - len(runs))
            events = _pop_left(self._audit, limit - len(runs) - len(sessions))
            runs += _pop(self._live_runs, limit - len(runs) - len(sessions) - len(events))
            sessions += _pop(self._live_sessions, limit - len(runs) - len(sessions) - len(events))
            events += _pop_left(self._events, limit - len(runs) - len(sessions) - len(events))
        return Batch(runs=runs, sessions=sessions, events=events)

    def put_back(self, batch: Batch) -> None:
        """Return what could not be stored; newer versions that came meanwhile stay."""
        with self._lock:
            for run in batch.runs:
                self._add_run(run)
            for session in batch.sessions:
                self._add_session(session)
            for event in reversed(batch.events):
                (self._events if event.actor is None else self._audit).appendleft(event)
            self._make_room()


def _pop(shelf: OrderedDict[str, T], limit: int) -> list[T]:
    return [shelf.popitem(last=False)[1] for _ in range(min(limit, len(shelf)))]


def _pop_left(shelf: deque[T], limit: int) -> list[T]:
    return [shelf.popleft() for _ in range(min(limit, len(shelf)))]
