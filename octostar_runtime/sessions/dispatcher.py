"""The small executor of session callbacks: in order within a session, side by side between sessions.

Work waits in *lanes*, one per session (or per process-wide callback). A worker takes a whole lane, so two callbacks
of one session never overlap and keep their order. When all workers are held up, more are added up to a limit, so
that a slow callback delays only its own lane; they go away again once idle.

Heartbeats are due for all sessions at once, so they are not queued one by one: a round is a list of lanes, taken up
when no other work waits, and a lane that is in the middle of something is passed over.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic

from octostar_runtime.models.sessions import SessionEvent
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.sessions.callbacks import Callback
from octostar_runtime.sessions.control import Scope

Work = tuple[Callback, SessionEvent, Scope | None]

BASE_WORKERS = 2
#: A worker that has been in one callback this long is not counted on for others. Longer than a busy machine makes a
#: quick callback take: more workers would not help there.
HELD_UP_AFTER_S = 0.2
IDLE_WORKER_STAYS_S = 3.0


class Lane:
    """Work that must run one after the other."""

    __slots__ = ("beats", "claim", "due", "open", "pulse", "queue", "scope")

    def __init__(self, pulse: SessionEvent | None = None) -> None:
        self.queue: deque[Work] = deque()
        self.claim = threading.Lock()  # held by the worker that runs this lane
        self.scope: Scope | None = None  # of the session whose lane it is
        self.pulse = pulse  # what its heartbeats are called with; None: it has none
        self.beats: tuple[Callback, ...] = ()
        self.open = True  # whether a heartbeat still makes sense when its turn comes
        self.due = False  # whether its heartbeat waits for its turn


class _Worker:
    """One thread and what it is in the middle of."""

    def __init__(self, dispatcher: "Dispatcher", number: int) -> None:
        self.busy = False
        self.current: Callback | None = None
        self.since = 0.0
        self.reported_since = 0.0  # the stay in a callback that was already reported
        self.idle_since = time.monotonic()
        self._dispatcher = dispatcher
        self.thread = PeriodicThread(f"session-callbacks-{number}", self._drain, interval_s=None)
        self.thread.start()

    def held_up(self, now: float) -> bool:
        """Whether it sits in one callback for longer than a moment."""
        return self.busy and self.current is not None and now - self.since > HELD_UP_AFTER_S

    def _drain(self) -> None:
        ready, beats = self._dispatcher.ready, self._dispatcher.beats
        while ready or beats:
            self.busy = True
            now = monotonic()
            try:
                while True:
                    try:
                        lane = ready.popleft()
                    except IndexError:
                        break
                    if lane.claim.acquire(False):  # otherwise the worker that has it finds what was added
                        now = self._take_turn(self._run, lane, now)
                while beats and not ready:
                    try:
                        lane = beats.popleft()
                    except IndexError:
                        break
                    lane.due = False
                    if lane.claim.acquire(False):  # otherwise it is busy with the last one
                        now = self._take_turn(self._beat, lane, now)
            finally:
                self.current = None
                self.idle_since = monotonic()
                # whoever appends work looks at ``busy`` afterwards: cleared first, then what waits is looked at again
                self.busy = False

    def _take_turn(self, turn: Callable[[Lane, float], float], lane: Lane, now: float) -> float:
        """Let a claimed lane have its turn, and let go of it. Returns the last end."""
        try:
            now = turn(lane, now)
        except BaseException as error:  # noqa: BLE001 - what is no Exception, either, must not end the worker
            if self.current is not None:
                self.current.failed(error)
            now = monotonic()
        finally:
            lane.claim.release()
        if lane.queue:
            self._dispatcher.ready.append(lane)
        return now

    def _beat(self, lane: Lane, now: float) -> float:
        """Run a lane's heartbeats, unless something else of it waits."""
        # the scope first: it goes when the session ends, and that is after the lane was closed
        pulse, scope = lane.pulse, lane.scope
        if pulse is not None and lane.open and not lane.queue:
            for callback in lane.beats:
                self.since = now
                self.current = callback
                now = callback.run(pulse, scope, now)
        return now

    def _run(self, lane: Lane, now: float) -> float:
        """Run what waits in a lane; one callback's end is the next one's beginning."""
        queue = lane.queue
        while queue:
            callback, event, scope = queue.popleft()
            self.since = now
            self.current = callback
            now = callback.run(event, scope, now)
        return now


class Dispatcher:
    """Runs callbacks. ``submit`` never blocks; beyond ``limit`` waiting in one lane work is dropped and counted."""

    def __init__(self, *, max_workers: int = 128, lane_limit: int = 20_000) -> None:
        self.ready: deque[Lane] = deque()
        self.beats: deque[Lane] = deque()
        self._lane_limit = lane_limit
        self._max_workers = max_workers
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._made = 0
        self._closed = False

    def submit(self, lane: Lane, work: Work) -> bool:
        """Queue one piece of work; True when the workers are held up and :meth:`watch` should be called soon."""
        return self.put(lane, work) and self.wake()

    def put(self, lane: Lane, work: Work) -> bool:
        """Queue one piece of work without waking anybody; False when the lane is full and it was dropped."""
        if len(lane.queue) >= self._lane_limit:
            work[0].drop()
            return False
        lane.queue.append(work)
        self.ready.append(lane)
        return True

    def beat(self, lanes: Iterable[Lane]) -> None:
        """Let these lanes' heartbeats run, without waking anybody; one whose last still waits is passed over."""
        beats = self.beats
        for lane in lanes:
            if not lane.due:
                lane.due = True
                beats.append(lane)

    def watch(self) -> list[Callback]:
        """Add workers when all are held up, let idle ones go, and return callbacks newly over their time limit."""
        now = time.monotonic()
        late: list[Callback] = []
        for worker in list(self._workers):
            callback = worker.current
            since = worker.since
            if callback is not None and since != worker.reported_since and now - since > callback.slow_after_s:
                worker.reported_since = since
                late.append(callback)
        if self.backlogged:
            self.wake()
        else:
            self._shrink(now)
        return late

    @property
    def backlogged(self) -> bool:
        """Whether work waits."""
        return bool(self.ready or self.beats)

    @property
    def busy(self) -> bool:
        """Whether any callback runs or waits."""
        return self.backlogged or any(worker.busy for worker in self._workers)

    @property
    def has_surplus(self) -> bool:
        """Whether there are workers that go away once idle."""
        return len(self._workers) > BASE_WORKERS

    @property
    def workers(self) -> int:
        """How many threads there are now."""
        return len(self._workers)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Let what waits run for up to ``timeout_s``, then stop; True when nothing was left behind."""
        deadline = time.monotonic() + timeout_s
        while self.busy and time.monotonic() < deadline:
            self.wake()
            time.sleep(0.005)
        with self._lock:
            self._closed = True
            workers, self._workers = self._workers, []
        left = self.busy or any(worker.busy for worker in workers)
        for worker in workers:
            worker.thread.stop(max(0.0, deadline - time.monotonic()) if not worker.busy else 0.0)
        return not left

    def wake(self) -> bool:
        """Let workers run what waits; see :meth:`submit`."""
        now = time.monotonic()
        with self._lock:
            if self._closed:
                return False
            workers = self._workers
            if all(worker.busy for worker in workers):
                for _ in range(self._missing(now)):
                    self._made += 1
                    workers.append(_Worker(self, self._made))
            wanted = min(self._waiting(), len(workers))
            for worker in workers:
                if wanted <= 0:
                    break
                if not worker.busy:
                    worker.thread.poke()
                    wanted -= 1
            return wanted > 0

    def _missing(self, now: float) -> int:
        """How many workers to add: two, and one for each that is held up, as far as work waits for them."""
        workers = self._workers
        held_up = sum(1 for worker in workers if worker.held_up(now))
        wanted = min(BASE_WORKERS + 2 * held_up - len(workers), max(BASE_WORKERS, self._waiting()))
        return min(wanted, self._max_workers - len(workers))

    def _waiting(self) -> int:
        return len(self.ready) + len(self.beats)

    def _shrink(self, now: float) -> None:
        with self._lock:
            for worker in self._workers[BASE_WORKERS:]:
                if not worker.busy and now - worker.idle_since > IDLE_WORKER_STAYS_S:
                    self._workers.remove(worker)
                    worker.thread.stop(0.0)
