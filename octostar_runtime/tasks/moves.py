"""The state machine of runs: every change of a run's state is made here, under one lock, by the one table.

Nothing foreign is called while the lock is held: events, engine calls and listeners wait in an outbox until it is free
again.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from octostar_runtime.clock import Clock
from octostar_runtime.errors import InvalidTransition
from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import TERMINAL, TRANSITIONS, RunState
from octostar_runtime.periodic import DeadlineThread
from octostar_runtime.ports import EventSink
from octostar_runtime.tasks.book import SMALL, RunBook
from octostar_runtime.tasks.deadlines import Deadlines, Due
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.utilisation import BusyMeter
from octostar_runtime.tasks.worker import Worker

logger = logging.getLogger(__name__)
QUEUED, RUNNING, CANCELLING, RETRY_WAIT = RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING, RunState.RETRY_WAIT
_HISTORY = 500
_TOLD = {
    RunState.ERROR: "failed",
    RunState.CANCELLED: "cancelled",
    RunState.TIMED_OUT: "timed_out",
    RunState.LOST: "lost",
}


class RunMoves:
    """See the module. Every public method takes the lock; those starting with ``_`` need it held."""

    def __init__(self, *, node_id: str, clock: Clock, sink: EventSink, book: RunBook) -> None:
        self.lock = threading.Lock()
        self.book = book
        self.closed = False
        self.listener_failures = 0
        self.listeners: tuple[Callable[[], object], ...] = ()
        self.clock = clock
        self._node_id = node_id
        self._sink = sink
        self._monotonic = clock.monotonic
        self._outbox: deque[Callable[[], object]] = deque()
        book.later = self._outbox.append
        self._deadlines = Deadlines(_still_wanted)
        self._timer = DeadlineThread("octostar-task-timer", self.tick)
        self._expiry_planned = False

    def _begin(self, worker: Worker, run: Run, now: float) -> None:
        """The one way into execution."""
        if RUNNING not in TRANSITIONS[run.state]:
            raise InvalidTransition(f"a run that is {run.state} cannot start")
        run.state = RUNNING
        run.seq += 1
        run.started_mono = worker.busy_since = now
        run.worker = worker
        worker.run = run
        if run.options.timeout_s is not None:
            self._plan(now + run.options.timeout_s, Due.TIMEOUT, run)
        if run.extra is not None and run.extra.history is not None:
            run.extra.history.append((RUNNING, now))
        if not run.dirty and self.book.tracking:
            self._changed(run)

    def _move(self, run: Run, state: RunState, now: float) -> None:
        """Make a move other than the usual queued, running, ended; such runs keep their whole history."""
        if state not in TRANSITIONS[run.state]:
            raise InvalidTransition(f"a run that is {run.state} cannot become {state}")
        extra = run.more()
        if extra.history is None:
            extra.history = [(QUEUED, run.queued_mono)]
            if run.started_mono is not None:
                extra.history.append((RUNNING, run.started_mono))
        if len(extra.history) < _HISTORY:
            extra.history.append((state, now))
        run.state = state
        run.seq += 1

    def _end(self, run: Run, state: RunState, now: float, data: Any, size: int, meter: BusyMeter | None = None) -> None:
        """The one way into a terminal state; ``meter`` is that of the worker that has executed it."""
        if state not in TRANSITIONS[run.state]:
            raise InvalidTransition(f"a run that is {run.state} cannot become {state}")
        run.state = state
        run.seq += 1
        run.ended_mono = now
        if run.data is not None and run.data is not data:
            self._outbox.append([run.data].clear)
        run.data = data
        run.result_bytes = size
        run.context = None
        worker = run.worker
        if worker.__class__ is Worker:
            run.worker = worker.name
        extra = run.extra
        if extra is not None:
            if extra.history is not None:
                extra.history.append((state, now))
            if extra.cancel_event is not None:
                extra.cancel_event.set()
            extra.stuck = False
            extra.packed = extra.elsewhere = None
        if run.waiters is not None:  # their threads take a while to wake up, and then find the rest of this done
            for waiter in run.waiters:
                waiter.release()
            run.waiters = None
        book = self.book
        unfiled = book.unfiled
        unfiled.append((run, meter))
        if (
            len(unfiled) >= book.filed_at_once or size + run.call_bytes > SMALL
            or meter is None or run.logs is not None
        ):  # fmt: skip
            book.file()
        if not run.dirty and book.tracking:
            self._changed(run)
        if not self._expiry_planned:
            self._expiry_planned = True
            self._timer.poke()
        if state in _TOLD:
            self._tell_end(run, state)

    # What falls due

    def _plan(self, when: float, what: Due, run: Run) -> None:
        if self._deadlines.add(when, what, run):
            self._timer.poke()

    def tick(self) -> float | None:
        """Do what is due; return the seconds until the next thing is, None when nothing is planned."""
        with self.lock:
            now = self._monotonic()
            while (due := self._deadlines.pop_due(now)) is not None:
                self._act(*due, now)
            self.book.expire(now)
            planned = [at for at in (self._deadlines.next_at(), self.book.next_expiry()) if at is not None]
            self._expiry_planned = self.book.next_expiry() is not None
        self.flush()
        return max(0.0, min(planned) - self._monotonic()) if planned else None

    def _act(self, what: Due, run: Run, now: float) -> None:
        """Do what has fallen due for a run."""
        raise NotImplementedError

    def stop_timer(self, timeout_s: float) -> None:
        """End the timer's thread."""
        self._timer.stop(timeout_s)

    # Telling others

    def _changed(self, run: Run) -> None:
        book = self.book
        if book.tracking and not run.dirty:
            book.changed(run)
            if self.listeners and book.changes_waiting == 1:
                self._outbox.append(self._poke_listeners)

    def _poke_listeners(self) -> None:
        for listener in self.listeners:
            try:
                listener()
            except Exception:
                self.listener_failures += 1
                logger.exception("a listener to task changes failed; it will be called again")

    def _tell_end(self, run: Run, state: RunState) -> None:
        extra = run.extra
        data: dict[str, object] = {"task": str(run.task_id), "name": run.name, "user": run.user}
        if extra is not None and extra.error is not None:
            data["error"] = extra.error[:200]
        reason = extra.cancel.reason if extra is not None and extra.cancel is not None else None
        self._say(f"run.{_TOLD[state]}", run.run_id, reason=reason, data=data)

    def _say(self, kind: str, subject: str, *, reason: str | None = None, data: dict[str, object]) -> None:
        at = self.clock.time()
        self._outbox.append(
            lambda: self._sink.publish(
                Event(kind=kind, subject=subject, at=at, node_id=self._node_id, reason=reason, data=data)
            )
        )

    def say(self, kind: str, subject: str, **data: object) -> None:
        """Publish an event about a pool."""
        self._say(kind, subject, data=data)
        self.flush()

    def flush(self) -> None:
        """Do what waited for the lock to be free."""
        outbox = self._outbox
        while outbox:
            try:
                call = outbox.popleft()
            except IndexError:
                return
            try:
                call()
            except Exception:
                logger.exception("telling others about a change of a task failed")


def _still_wanted(what: Due, run: Run, attempt: int) -> bool:
    """Whether a deadline still means something for its run."""
    if run.state in TERMINAL or run.attempt != attempt:
        return False
    if what is Due.TIMEOUT:
        return run.state is RUNNING
    if what is Due.RETRY:
        return run.state is RETRY_WAIT
    return run.state is CANCELLING
