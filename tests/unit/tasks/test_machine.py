"""Whatever is asked of the manager in whatever order: no run goes back, each ends once, the pool keeps its size.

Ends, starts and turns are watched where they happen, not read back from the manager's own records: every entry into a
terminal state, every attempt that begins, every run that joins the queue and every one that is taken from it.
"""

import threading
import time
from collections import Counter
from collections.abc import Hashable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from octostar_runtime.errors import ManagerClosed, NotRetriable, TaskNotFound
from octostar_runtime.models.runs import TRANSITIONS, RunState
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.tasks.fair_queue import FairQueue
from octostar_runtime.tasks.run import Run
from octostar_runtime.testing import wait_until

IDS = st.sampled_from(["a", "b", "c", "d"])
SESSIONS = st.sampled_from([None, "s1", "s2", "s3"])
#: With one user's thousand tasks waiting, another's first task waits for the running one: at most one more of theirs
#: may start before it when it had no turn in the present round, and one of the next round when it had.
PASSED_AT_MOST = 2


class WatchedQueue(FairQueue):
    """A fair queue that checks its promises at every step; called under the manager's lock.

    With a limit per session: that nobody has more than that. Without: the bound of fairness.
    """

    __slots__ = ("_lines", "_passed", "broken", "in_vain", "steps")

    def __init__(self, limit: int | None) -> None:
        super().__init__(limit)
        self.broken: list[str] = []
        self.in_vain = 0  # how often a worker came for nothing
        self.steps = 0  # what could be a reason to come
        self._lines: Counter[Hashable] = Counter()  # what waits or executes, by session
        self._passed: dict[Hashable, Counter[Hashable]] = {}  # newcomers: how often each other session was served

    def add(self, run: Run, key: Hashable) -> None:
        if not self._lines[key]:
            self._passed[key] = Counter()
        self._lines[key] += 1
        self.steps += 1
        super().add(run, key)

    def take(self) -> Run | None:
        run = super().take()
        if run is None:
            self.in_vain += 1
            return None
        served = run.group.key if run.group is not None else None
        if self.per_session_limit is not None:
            if run.group is not None and run.group.running > self.per_session_limit:
                self.broken.append(f"{served} has {run.group.running} at once")
            return run
        self._passed.pop(served, None)
        for newcomer, others in self._passed.items():
            others[served] += 1
            if others[served] > PASSED_AT_MOST:
                self.broken.append(f"{newcomer} was passed {others[served]} times by {served}")
        return run

    def release(self, run: Run) -> None:
        self.steps += 1
        if run.group is not None:
            self._lines[run.group.key] -= 1
        super().release(run)

    def discard(self, run: Run) -> None:
        if run.group is not None:
            self._lines[run.group.key] -= 1
            if not self._lines[run.group.key]:
                self._passed.pop(run.group.key, None)
        super().discard(run)


class Watch:
    """Stands beside a manager's lifecycle and notes what it does; called under the manager's lock."""

    def __init__(self, tasks: TaskManager) -> None:
        self.ends: Counter[str] = Counter()
        lifecycle = tasks._lifecycle
        end = lifecycle._end

        def counted_end(run: Run, state: RunState, *rest: Any) -> None:
            end(run, state, *rest)
            self.ends[run.run_id] += 1

        vars(lifecycle)["_end"] = counted_end


class TaskMachine(RuleBasedStateMachine):
    """Submit, supersede, cancel, retry, resize, time out, stop hard, pause, end sessions, close."""

    LIMIT: int | None = None

    def __init__(self) -> None:
        super().__init__()
        chosen = Settings(pools={"default": PoolSettings(size=2)}, retain_runs=10_000)
        self.tasks = TaskManager(settings=chosen)
        self.pool = self.tasks._pools["default"]
        self.queue = self.pool.queue = WatchedQueue(self.LIMIT)
        self.watch = Watch(self.tasks)
        self.size = 2
        self.run_ids: list[str] = []
        self.submitted = 0  # retries left out: how many succeed depends on the threads, and preconditions must not
        self.seen: dict[str, tuple[int, RunState]] = {}
        self.attempts: Counter[tuple[str, int]] = Counter()
        self.closed = threading.Event()
        self.after_close: list[str] = []

    def _work(self, handle: Any, seconds: float, fails: bool, deaf: bool) -> str:
        self.attempts[handle.run_id, handle.attempt] += 1
        if self.closed.is_set():
            self.after_close.append(handle.run_id)
        if deaf:
            time.sleep(seconds)
        else:
            handle.sleep(seconds)
        if fails:
            raise ValueError("as asked")
        return "done"

    @rule(
        task_id=IDS,
        session=SESSIONS,
        seconds=st.sampled_from([0, 0.001, 0.004]),
        fails=st.booleans(),
        deaf=st.booleans(),
        timeout_s=st.sampled_from([None, None, 0.002]),
        retries=st.integers(0, 2),
        priority=st.integers(-1, 1),
    )
    def submit(self, task_id: str, session: str | None, timeout_s: float | None, retries: int, **rest: Any) -> None:
        priority = rest.pop("priority")
        options: dict[str, Any] = {"session": session, "timeout": timeout_s, "retries": retries, "priority": priority}
        if self.closed.is_set():
            with pytest.raises(ManagerClosed):
                self.tasks.submit(task_id, self._work, rest, **options)
            return
        self.submitted += 1
        self.run_ids.append(self.tasks.submit(task_id, self._work, rest, backoff_s=0.001, **options))

    @rule(session=st.sampled_from(["s1", "s2"]), count=st.integers(5, 15))
    def submit_many(self, session: str, count: int) -> None:
        """One user's burst, behind which the others must not wait."""
        for number in range(0 if self.closed.is_set() else count):
            self.submitted += 1
            call = {"seconds": 0.0005, "fails": False, "deaf": True}
            self.run_ids.append(self.tasks.submit(f"{session}-{number}", self._work, call, session=session))

    @rule(task_id=IDS)
    def cancel(self, task_id: str) -> None:
        try:
            self.tasks.cancel(task_id)
        except TaskNotFound:
            assert not any(run.task_id == task_id for run in self.tasks.runs())

    @rule(number=st.integers(0, 10_000))
    def stop_hard(self, number: int) -> None:
        if self.run_ids:
            self.tasks.hard_stop(self.run_ids[number % len(self.run_ids)])

    @rule(number=st.integers(0, 10_000))
    def retry(self, number: int) -> None:
        # a number, not sampled_from(run_ids): how many there are depends on the threads, and draws must not
        if not self.run_ids:
            return
        try:
            self.run_ids.append(self.tasks.retry(self.run_ids[number % len(self.run_ids)]))
        except NotRetriable:
            return
        except ManagerClosed:
            assert self.closed.is_set()

    @precondition(lambda self: not self.closed.is_set())
    @rule(size=st.integers(1, 4))
    def resize(self, size: int) -> None:
        self.tasks.resize("default", size)
        self.size = size

    @precondition(lambda self: not self.closed.is_set())
    @rule()
    def pause_and_resume(self) -> None:
        self.tasks.pause("default")
        self.tasks.resume("default")

    @precondition(lambda self: not self.closed.is_set())
    @rule()
    def release_the_threads(self) -> None:
        self.tasks.release("default")
        self.tasks.resume("default")

    @rule(session=st.sampled_from(["s1", "s2"]))
    def end_session(self, session: str) -> None:
        self.tasks.session_ended(session)

    @rule(task_id=IDS)
    def wait(self, task_id: str) -> None:
        try:
            assert self.tasks.wait(task_id, 10)
        except TaskNotFound:
            return

    @precondition(lambda self: self.submitted > 20)
    @rule()
    def close(self) -> None:
        """Shut down with whatever waits and runs; the machine goes on asking afterwards."""
        self.tasks.close(10)
        self.closed.set()

    @invariant()
    def no_run_has_gone_back(self) -> None:
        for run in self.tasks.runs():
            states = [state for state, _ in run.timeline]
            assert all(after in TRANSITIONS[before] for before, after in pairwise(states)), states
            assert sum(state.terminal for state in states) == run.terminal
            assert sorted(at for _, at in run.timeline) == [at for _, at in run.timeline]
            seq, state = self.seen.get(run.run_id, (0, RunState.QUEUED))
            assert run.seq >= seq
            assert not state.terminal or run.state is state, f"{state} became {run.state}"
            self.seen[run.run_id] = (run.seq, run.state)

    @invariant()
    def no_run_has_ended_twice_or_begun_an_attempt_twice(self) -> None:
        assert max(self.watch.ends.values(), default=1) == 1
        assert max([*self.attempts.values()], default=1) == 1

    @invariant()
    def as_many_workers_live_as_the_pool_is_large(self) -> None:
        if not self.pool.started or self.closed.is_set():
            return
        with self.tasks._lock:
            staying = [worker for worker in self.pool.workers if not worker.stopping]
        assert len(staying) == self.size
        assert all(worker.thread.is_alive() for worker in staying)

    @invariant()
    def the_queue_keeps_its_promises(self) -> None:
        assert not self.queue.broken

    @invariant()
    def workers_come_for_something(self) -> None:
        assert self.queue.in_vain <= 5 * (self.queue.steps + 20)

    @invariant()
    def nothing_runs_after_the_end(self) -> None:
        if self.closed.is_set():
            assert not self.after_close
            assert not any(self.tasks.counts()[state] for state in RunState if not state.terminal)

    def teardown(self) -> None:
        if not self.closed.is_set():
            assert self.tasks.join_pool("default", 10)
            if self.pool.started:
                wait_until(lambda: len(self.tasks.pools()[0].workers) == self.size, what="as many workers as asked for")
            self.close()
        counts = self.tasks.counts()
        assert sum(counts.values()) == len(self.run_ids)
        assert sum(counts[state] for state in RunState if not state.terminal) == 0
        assert set(self.watch.ends) == set(self.run_ids)
        self.no_run_has_ended_twice_or_begun_an_attempt_twice()
        assert not self.queue.broken
        assert not self.after_close


class LimitedMachine(TaskMachine):
    """The same with one run of a session at a time."""

    LIMIT = 1


TestTaskMachine = TaskMachine.TestCase
TestTaskMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLimitedMachine = LimitedMachine.TestCase
TestLimitedMachine.settings = settings(TestTaskMachine.settings, max_examples=20)
