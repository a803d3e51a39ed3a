"""Cancelling, time limits, retries, stuck and hard-stopped tasks, sessions that end."""

import asyncio
import contextlib
import sys
import threading
import time
from typing import Any

import pytest

from octostar_runtime.errors import CancelledError, InvalidStatus
from octostar_runtime.models.runs import CancelOutcome, RunState, TaskStatus
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import ManualClock, wait_until
from tests.unit.tasks.conftest import Gate, Heard, MakeManager


def running(tasks: TaskManager, task_id: str = "t") -> None:
    wait_until(lambda: tasks.snapshot(task_id).state is RunState.RUNNING, what="the task's start")


def test_a_queued_run_is_cancelled_at_once(make_manager: MakeManager, gate: Gate) -> None:
    tasks = make_manager(size=1)
    tasks.submit("hold", gate)
    gate.begun.wait(5)
    tasks.submit("t", lambda handle: None)
    assert tasks.cancel("t", reason="changed my mind", by="ada")
    record = tasks.snapshot("t")
    assert record.state is RunState.CANCELLED
    assert record.cancel is not None
    assert (record.cancel.by, record.cancel.reason, record.cancel.outcome) == ("ada", "changed my mind", "stopped")
    assert tasks.cancel("t") is False


def test_a_run_that_is_cancelled_before_its_worker_is_awake_never_begins(make_manager: MakeManager) -> None:
    tasks = make_manager(size=1)
    began: list[str] = []
    ids = [f"t{number}" for number in range(40)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(10)  # so that the woken thread seldom goes on before this one waits
    try:
        for task_id in ids:
            tasks.submit(task_id, lambda handle, task_id=task_id: began.append(task_id))
            tasks.cancel(task_id)
            time.sleep(0.002)
    finally:
        sys.setswitchinterval(usual)
    assert all(tasks.wait(task_id, 5) for task_id in ids)
    early = [task_id for task_id in ids if tasks.snapshot(task_id).started_at is None]
    assert len(early) >= 10, f"only {early} were cancelled in time"
    assert {tasks.snapshot(task_id).state for task_id in early} == {RunState.CANCELLED}
    assert not set(early) & set(began)
    tasks.submit("after", lambda handle: "done")
    assert tasks.wait("after", 5)
    assert tasks.get_result("after")["data"] == "done"


@pytest.mark.parametrize("way", ["output", "progress", "check", "sleep"])
def test_every_report_of_a_cancelled_task_raises(tasks: TaskManager, way: str) -> None:
    def work(handle: Any) -> None:
        handle.output(TaskStatus.IN_PROGRESS, "partial")
        while True:
            try:
                if way == "output":
                    handle.output(TaskStatus.IN_PROGRESS, "partial")
                elif way == "progress":
                    handle.progress(0.5)
                elif way == "check":
                    handle.check()
                else:
                    handle.sleep(60)
                time.sleep(0.001)
            except Exception:  # noqa: BLE001
                continue  # a clause for a flaky network must not swallow the cancellation

    tasks.submit("t", work)
    wait_until(lambda: tasks.get_result("t")["data"] == "partial")
    tasks.cancel("t")
    assert tasks.wait("t", 5)
    record = tasks.snapshot("t")
    assert record.state is RunState.CANCELLED
    assert record.cancel is not None
    assert record.cancel.outcome is CancelOutcome.STOPPED
    assert record.cancel.acknowledged_after_s is not None
    assert record.cancel.stopped_after_s is not None
    assert record.cancel.acknowledged_after_s <= record.cancel.stopped_after_s
    assert tasks.get_result("t") == {"id": "t", "status": TaskStatus.CANCELLED, "data": "partial"}


def test_a_task_that_swallows_its_cancellation_says_so(tasks: TaskManager) -> None:
    def work(handle: Any) -> str:
        with contextlib.suppress(CancelledError):
            handle.sleep(60)
        return "finished anyway"

    tasks.submit("t", work)
    running(tasks)
    tasks.cancel("t")
    tasks.wait("t", 5)
    record = tasks.snapshot("t")
    assert record.state is RunState.SUCCESS
    assert record.cancel is not None
    assert record.cancel.outcome is CancelOutcome.IGNORED


def test_a_task_that_looks_at_its_cancel_event_and_returns_was_cancelled(tasks: TaskManager) -> None:
    def work(handle: Any) -> str:
        while not handle.cancel_event.wait(0.01):
            pass
        return "so far"

    tasks.submit("t", work)
    running(tasks)
    tasks.cancel("t")
    tasks.wait("t", 5)
    assert tasks.get_result("t") == {"id": "t", "status": TaskStatus.CANCELLED, "data": "so far"}


def test_a_cancel_after_the_end_changes_nothing(tasks: TaskManager) -> None:
    tasks.submit("t", lambda handle: 1)
    tasks.wait("t", 5)
    assert tasks.cancel("t") is False
    assert tasks.get_result("t")["status"] is TaskStatus.SUCCESS
    assert tasks.snapshot("t").cancel is None


def test_cancelling_twice_keeps_the_first_reason(tasks: TaskManager, gate: Gate) -> None:
    tasks.submit("t", gate)
    gate.begun.wait(5)
    assert tasks.cancel("t", reason="first")
    assert tasks.cancel("t", reason="second")
    cancel = tasks.snapshot("t").cancel
    assert cancel is not None
    assert (cancel.reason, cancel.outcome) == ("first", CancelOutcome.REQUESTED)
    assert tasks.get_result("t")["status"] is TaskStatus.CANCELLING


def test_a_filter_selects_what_is_cancelled(make_manager: MakeManager, gate: Gate) -> None:
    tasks = make_manager(size=1)
    tasks.submit("hold", gate)
    for i in range(6):
        tasks.submit(f"t{i}", lambda handle: None, tags=["even"] if i % 2 == 0 else [])
    cancelled = tasks.cancel_where(lambda run: "even" in run.tags, by="ada")
    assert len(cancelled) == 3
    assert tasks.snapshot("t1").state is RunState.QUEUED


@pytest.mark.parametrize("status", [TaskStatus.SUCCESS, TaskStatus.ERROR, TaskStatus.INIT, 10, None, "SUCCESS", True])
def test_a_task_cannot_declare_how_it_ends(tasks: TaskManager, status: object) -> None:
    def work(handle: Any) -> None:
        with pytest.raises(InvalidStatus, match="IN_PROGRESS"):
            handle.output(status, "x")

    tasks.submit("t", work)
    tasks.wait("t", 5)
    assert tasks.get_result("t")["status"] is TaskStatus.SUCCESS


class TestTimeLimits:
    """timeout_s counts from the start."""

    def test_a_cooperative_task_is_stopped(self, tasks: TaskManager) -> None:
        tasks.submit("t", lambda handle: handle.sleep(60), timeout_s=0.05)
        assert tasks.wait("t", 5)
        record = tasks.snapshot("t")
        assert record.state is RunState.TIMED_OUT
        assert record.error is not None
        assert "0.05 s" in record.error
        assert tasks.get_result("t")["status"] is TaskStatus.ERROR
        assert isinstance(tasks.get_result("t")["data"], TimeoutError)

    def test_waiting_in_the_queue_does_not_count(self, make_manager: MakeManager, gate: Gate) -> None:
        clock = ManualClock()
        tasks = make_manager(size=1, clock=clock)
        tasks.submit("hold", gate)
        tasks.submit("t", lambda handle: 1, timeout_s=5)
        clock.advance(60)
        tasks.tick()
        gate.opened.set()
        tasks.wait("t", 5)
        assert tasks.snapshot("t").state is RunState.SUCCESS
        assert tasks.snapshot("t").wait_s == 60

    def test_a_task_that_ignores_its_limit_is_timed_out_all_the_same(self, tasks: TaskManager, gate: Gate) -> None:
        tasks.submit("t", gate, timeout_s=0.02)
        wait_until(lambda: tasks.snapshot("t").state is RunState.CANCELLING)
        gate.opened.set()
        tasks.wait("t", 5)
        record = tasks.snapshot("t")
        assert record.state is RunState.TIMED_OUT
        assert record.cancel is not None
        assert record.cancel.outcome is CancelOutcome.IGNORED

    def test_a_time_limit_counts_for_each_attempt(self, tasks: TaskManager) -> None:
        tasks.submit("t", lambda handle: handle.sleep(60), timeout_s=0.02, retries=2, backoff_s=0.01)
        assert tasks.wait("t", 5)
        record = tasks.snapshot("t")
        assert (record.state, record.attempt) == (RunState.TIMED_OUT, 3)

    def test_a_limit_beyond_what_a_clock_can_wait_for_stops_no_other(
        self, make_manager: MakeManager, gate: Gate
    ) -> None:
        tasks = make_manager(size=2)
        tasks.submit("long", gate, timeout=1e12)
        assert gate.begun.wait(5)
        timer = tasks._lifecycle._timer
        wait_until(lambda: timer.turns > 0, what="the timer waiting for that limit")
        tasks.submit("short", lambda handle: handle.sleep(60), timeout=0.05)
        assert tasks.wait("short", 5)
        assert tasks.snapshot("short").state is RunState.TIMED_OUT
        assert timer.running

    def test_limits_of_ended_runs_are_forgotten(self, tasks: TaskManager) -> None:
        for i in range(2_000):
            tasks.submit(f"t{i}", lambda handle: None, timeout_s=3600)
        tasks.join_pool("default", 10)
        assert len(tasks._lifecycle._deadlines) < 300


class TestRetries:
    """Attempts after an error."""

    def test_an_error_is_followed_by_another_try_after_a_growing_pause(self, make_manager: MakeManager) -> None:
        clock = ManualClock()
        tasks = make_manager(clock=clock)
        tries: list[int] = []

        def flaky(handle: Any) -> str:
            tries.append(handle.attempt)
            if len(tries) < 3:
                raise ConnectionError("again")
            return "got it"

        tasks.submit("t", flaky, retries=5, backoff_s=10)
        for pause in (10, 20):
            wait_until(lambda: tasks.snapshot("t").state is RunState.RETRY_WAIT)
            assert tasks.get_result("t")["status"] is TaskStatus.INIT
            assert tasks.pools()[0].waiting_retry == 1
            clock.advance(pause - 1)
            tasks.tick()
            assert tasks.snapshot("t").state is RunState.RETRY_WAIT
            clock.advance(1)
            tasks.tick()
        assert tasks.wait("t", 5)
        assert tries == [1, 2, 3]
        assert tasks.get_result("t")["data"] == "got it"
        assert tasks.snapshot("t").error is None

    def test_the_last_error_counts(self, tasks: TaskManager) -> None:
        tasks.submit("t", lambda handle: 1 / 0, retries=2, backoff_s=0)
        assert tasks.wait("t", 5)
        assert (tasks.snapshot("t").state, tasks.snapshot("t").attempt) == (RunState.ERROR, 3)

    def test_a_waiting_attempt_can_be_cancelled(self, tasks: TaskManager) -> None:
        tasks.submit("t", lambda handle: 1 / 0, retries=2, backoff_s=60)
        wait_until(lambda: tasks.snapshot("t").state is RunState.RETRY_WAIT)
        assert tasks.cancel("t")
        assert tasks.snapshot("t").state is RunState.CANCELLED
        assert tasks.counts()[RunState.RETRY_WAIT] == 0

    def test_an_exit_is_not_tried_again(self, tasks: TaskManager) -> None:
        def leave(handle: Any) -> None:
            raise SystemExit(3)

        tasks.submit("t", leave, retries=5, backoff_s=0)
        tasks.wait("t", 5)
        assert tasks.snapshot("t").attempt == 1


class TestStuckTasks:
    """Tasks that do not answer."""

    def test_are_told_with_their_stack(self, make_manager: MakeManager, heard: Heard, gate: Gate) -> None:
        clock = ManualClock()
        tasks = make_manager(clock=clock, sink=heard.bus, stuck_after_s=30)
        run_id = tasks.submit("t", gate)
        gate.begun.wait(5)
        tasks.cancel("t")
        clock.advance(29)
        tasks.tick()
        assert not tasks.snapshot("t").stuck
        clock.advance(2)
        tasks.tick()
        assert tasks.snapshot("t").stuck
        assert tasks.pools()[0].stuck == 1
        assert "run.stuck" in heard.kinds()
        assert "self.opened.wait(10)" in tasks.stack(run_id)
        assert "octostar_runtime/tasks/worker.py" not in tasks.stack(run_id)
        gate.opened.set()
        tasks.wait("t", 5)
        assert tasks.stack(run_id) == ""
        assert tasks.pools()[0].stuck == 0

    def test_can_be_stopped_hard(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1)

        def spin(handle: Any) -> None:
            while True:
                pass

        run_id = tasks.submit("t", spin)
        running(tasks)
        tasks.cancel("t")
        assert tasks.hard_stop(run_id, by="ada")
        assert tasks.wait("t", 5)
        record = tasks.snapshot("t")
        assert record.state is RunState.CANCELLED
        assert record.hard_stopped
        assert not record.orphaned
        assert tasks.hard_stop(run_id) is False
        tasks.submit("next", lambda handle: 1)
        assert tasks.wait("next", 5)

    def test_that_still_do_not_end_are_orphaned_and_the_pool_keeps_its_size(
        self, make_manager: MakeManager, heard: Heard
    ) -> None:
        tasks = make_manager(size=1, sink=heard.bus)
        release = threading.Event()

        def stubborn(handle: Any) -> None:
            while not release.is_set():
                with contextlib.suppress(BaseException):
                    time.sleep(0.01)

        run_id = tasks.submit("t", stubborn)
        running(tasks)
        assert tasks.hard_stop(run_id)
        assert tasks.hard_stop(run_id)
        record = tasks.snapshot("t")
        assert record.state is RunState.CANCELLED
        assert record.orphaned
        tasks.submit("next", lambda handle: 1)
        assert tasks.wait("next", 5)
        (pool,) = tasks.pools()
        assert (pool.size, pool.orphaned) == (1, 1)
        assert "run.orphaned" in heard.kinds()
        release.set()
        wait_until(lambda: tasks.pools()[0].orphaned == 0)

    def test_a_hard_stop_never_hurts_the_run_that_follows(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=2)
        for i in range(200):
            run_id = tasks.submit(f"a{i}", lambda handle: time.sleep(0.0002))
            time.sleep(0.0001 * (i % 5))
            tasks.hard_stop(run_id)
            tasks.submit(f"b{i}", lambda handle: "fine")
        assert tasks.join_pool("default", 20)
        assert all(tasks.snapshot(f"b{i}").state is RunState.SUCCESS for i in range(200))
        assert [worker.state for worker in tasks.pools()[0].workers] == ["idle", "idle"]


class TestAsyncFunctions:
    """``async def`` tasks."""

    def test_run_in_a_loop_of_their_own(self, tasks: TaskManager) -> None:
        async def work(handle: Any, n: int) -> int:
            await asyncio.sleep(0)
            return n + 1

        tasks.submit("t", work, {"n": 1})
        tasks.wait("t", 5)
        assert tasks.get_result("t")["data"] == 2

    def test_are_cancelled_as_asyncio_tasks_are(self, tasks: TaskManager) -> None:
        cleaned: list[str] = []

        async def work(handle: Any) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cleaned.append("yes")
                raise

        tasks.submit("t", work)
        running(tasks)
        time.sleep(0.02)
        tasks.cancel("t")
        assert tasks.wait("t", 5)
        assert tasks.snapshot("t").state is RunState.CANCELLED
        assert cleaned == ["yes"]

    def test_asked_to_stop_before_the_first_await_never_begin_waiting(self, tasks: TaskManager, gate: Gate) -> None:
        async def work(handle: Any) -> None:
            await asyncio.sleep(60)

        def start(handle: Any) -> Any:
            gate(handle)
            return work(handle)

        tasks.submit("t", start)
        gate.begun.wait(5)
        tasks.cancel("t")
        gate.opened.set()
        assert tasks.wait("t", 5)
        assert tasks.snapshot("t").state is RunState.CANCELLED


class TestSessions:
    """Whose task it is."""

    def test_the_end_of_a_session_cancels_its_tasks_but_those_to_keep(
        self, make_manager: MakeManager, gate: Gate
    ) -> None:
        tasks = make_manager(size=1)
        tasks.submit("running", gate, session_id="s")
        gate.begun.wait(5)
        tasks.submit("queued", lambda handle: None, session_id="s")
        tasks.submit("keep", lambda handle: None, session_id="s", on_session_end="keep")
        tasks.submit("other", lambda handle: None, session_id="x")
        assert len(tasks.session_ended("s", "session ended")) == 2
        assert tasks.snapshot("queued").state is RunState.CANCELLED
        cancel = tasks.snapshot("running").cancel
        assert cancel is not None
        assert cancel.reason == "session ended"
        gate.opened.set()
        assert tasks.join_pool("default", 5)
        assert tasks.snapshot("keep").state is RunState.SUCCESS
        assert tasks.snapshot("other").state is RunState.SUCCESS

    def test_a_successor_adopts_the_tasks(self, make_manager: MakeManager, gate: Gate) -> None:
        tasks = make_manager(size=1)
        tasks.submit("running", gate, session_id="old")
        gate.begun.wait(5)
        tasks.submit("queued", lambda handle: 5, session_id="old", scope="session")
        tasks.submit("theirs", lambda handle: None, session_id="new")
        assert tasks.adopt("old", "new") == 2
        assert tasks.session_ended("old", "session ended") == ()
        gate.opened.set()
        assert tasks.join_pool("default", 5)
        assert tasks.snapshot("running").session_id == "new"
        assert all(run.state is RunState.SUCCESS for run in tasks.runs())

    def test_a_task_passes_its_session_on(self, tasks: TaskManager) -> None:
        def parent(handle: Any) -> None:
            tasks.submit("child", lambda handle: handle.session_id)

        tasks.submit("parent", parent, session_id="s", user="ada")
        tasks.wait("parent", 5)
        tasks.wait("child", 5)
        assert tasks.get_result("child")["data"] == "s"
        assert tasks.snapshot("child").user == "ada"


def test_random_cancels_leave_every_worker_alive_and_every_run_ended(
    make_manager: MakeManager,
) -> None:
    tasks = make_manager(size=4, retain_runs=200_000)
    stop = threading.Event()
    latest = ["t0"]

    def canceller() -> None:
        while not stop.is_set():
            with contextlib.suppress(KeyError):
                tasks.cancel(latest[0])

    helpers = [threading.Thread(target=canceller) for _ in range(2)]
    for helper in helpers:
        helper.start()
    for i in range(20_000):
        latest[0] = f"t{i % 500}"
        tasks.submit(latest[0], lambda handle: None)
    stop.set()
    for helper in helpers:
        helper.join()
    assert tasks.join_pool("default", 30)
    counts = tasks.counts()
    assert counts[RunState.SUCCESS] + counts[RunState.CANCELLED] == 20_000
    assert [worker.state for worker in tasks.pools()[0].workers] == ["idle"] * 4
