"""Whatever is asked of the manager in whatever order: no run goes back, each ends once, the pool keeps its size."""

import threading
import time
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from octostar_runtime.errors import NotRetriable, TaskNotFound
from octostar_runtime.models.runs import TRANSITIONS, RunState
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import wait_until

IDS = st.sampled_from(["a", "b", "c", "d"])


class TaskMachine(RuleBasedStateMachine):
    """Submit, supersede, cancel, retry, resize, time out, pause, end sessions, close."""

    def __init__(self) -> None:
        super().__init__()
        chosen = Settings(pools={"default": PoolSettings(size=2)}, retain_runs=10_000)
        self.tasks = TaskManager(settings=chosen)
        self.size = 2
        self.run_ids: list[str] = []
        self.after_close: list[str] = []
        self.closed = threading.Event()

    def _work(self, handle: Any, seconds: float, fails: bool, deaf: bool) -> str:
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
        session=st.sampled_from([None, "s1", "s2"]),
        seconds=st.sampled_from([0, 0.001, 0.004]),
        fails=st.booleans(),
        deaf=st.booleans(),
        timeout_s=st.sampled_from([None, None, 0.002]),
        retries=st.integers(0, 2),
        priority=st.integers(-1, 1),
    )
    def submit(
        self,
        task_id: str,
        session: str | None,
        seconds: float,
        fails: bool,
        deaf: bool,
        timeout_s: float | None,
        retries: int,
        priority: int,
    ) -> None:
        kwargs = {"seconds": seconds, "fails": fails, "deaf": deaf}
        self.run_ids.append(
            self.tasks.submit(
                task_id,
                self._work,
                kwargs,
                session_id=session,
                timeout_s=timeout_s,
                retries=retries,
                backoff_s=0.001,
                priority=priority,
            )
        )

    @rule(task_id=IDS)
    def cancel(self, task_id: str) -> None:
        try:
            self.tasks.cancel(task_id)
        except TaskNotFound:
            assert not any(run.task_id == task_id for run in self.tasks.runs())

    @rule(number=st.integers(0, 10_000))
    def retry(self, number: int) -> None:
        # a number, not sampled_from(run_ids): how many there are depends on the threads, and draws must not
        if not self.run_ids:
            return
        try:
            self.run_ids.append(self.tasks.retry(self.run_ids[number % len(self.run_ids)]))
        except NotRetriable:
            return

    @rule(size=st.integers(1, 4))
    def resize(self, size: int) -> None:
        self.tasks.resize("default", size)
        self.size = size

    @rule()
    def pause_and_resume(self) -> None:
        self.tasks.pause("default")
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

    @invariant()
    def no_run_has_gone_back(self) -> None:
        for run in self.tasks.runs():
            states = [state for state, _ in run.timeline]
            assert all(after in TRANSITIONS[before] for before, after in pairwise(states)), states
            assert sum(state.terminal for state in states) == run.terminal
            assert sorted(at for _, at in run.timeline) == [at for _, at in run.timeline]

    def teardown(self) -> None:
        assert self.tasks.join_pool("default", 10)
        if self.run_ids:
            wait_until(lambda: len(self.tasks.pools()[0].workers) == self.size, what="as many workers as asked for")
        counts = self.tasks.counts()
        assert sum(counts.values()) == len(self.run_ids)
        assert sum(counts[state] for state in RunState if not state.terminal) == 0
        self.tasks.close(5)
        self.closed.set()
        assert not self.after_close


TestTaskMachine = TaskMachine.TestCase
TestTaskMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
