"""What a task and its caller may rely on, wherever the pool executes. Every case runs over every engine."""

import asyncio
import contextvars
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from octostar_runtime.errors import CancelledError, InvalidStatus, InvalidTask
from octostar_runtime.models.runs import CancelOutcome, RunState, TaskStatus
from octostar_runtime.tasks import TaskHandle, TaskManager
from octostar_runtime.testing import wait_until
from tests.contracts.tasks.engines.conftest import Flag

REGION = contextvars.ContextVar("region", default="nowhere")


def ended(tasks: TaskManager, task_id: str = "t", timeout_s: float = 20.0) -> Any:
    """Wait for the end of a task and return its record."""
    assert tasks.wait(task_id, timeout_s), f"{task_id} has not ended: {tasks.snapshot(task_id)}"
    return tasks.snapshot(task_id)


def begun(tasks: TaskManager, task_id: str = "t") -> None:
    """Wait until a task that reports some progress has done so."""
    wait_until(lambda: tasks.snapshot(task_id).progress is not None, what="progress", timeout_s=20)


def data(tasks: TaskManager, task_id: str = "t") -> Any:
    return tasks.get_result(task_id)["data"]


def test_a_closure_gets_its_arguments_and_returns_a_result(tasks: TaskManager) -> None:
    factor = 3

    def work(handle: Any, numbers: list[int], *, offset: int = 1) -> dict[str, Any]:
        return {"sum": sum(numbers) * factor + offset, "state": (1, {2}, None)}

    tasks.submit("t", work, {"numbers": [1, 2], "offset": 5})
    record = ended(tasks)
    assert record.state is RunState.SUCCESS
    assert data(tasks) == {"sum": 14, "state": (1, {2}, None)}
    assert record.result_bytes is not None
    assert record.result_bytes > 0
    assert record.started_at is not None
    assert record.worker is not None


def test_the_handle_tells_what_the_task_is(tasks: TaskManager) -> None:
    def work(handle: Any) -> tuple[Any, ...]:
        assert isinstance(handle, TaskHandle)
        return (
            handle.task_id,
            handle.run_id,
            handle.name,
            handle.session_id,
            handle.user,
            handle.attempt,
            handle.cancelled,
            handle.cancel_event.is_set(),
        )

    run_id = tasks.submit("t", work, name="who am I", session_id="s1", user="ada")
    ended(tasks)
    assert data(tasks) == ("t", run_id, "who am I", "s1", "ada", 1, False, False)


def test_a_task_id_may_be_any_key(tasks: TaskManager) -> None:
    tasks.submit(("report", 7), lambda handle: handle.task_id)
    assert tasks.wait(("report", 7), 20)
    assert tasks.get_result(("report", 7))["data"] == ("report", 7)


def test_what_is_changed_after_submit_does_not_reach_the_task(tasks: TaskManager, flag: Flag) -> None:
    tasks.submit("hold", lambda handle: flag.wait(), pool="single")
    given = {"a": 1}
    tasks.submit("t", lambda handle, a: a, given, pool="single")
    given["a"] = 2
    flag.set()
    ended(tasks)
    assert data(tasks) == 1


def test_arguments_that_do_not_fit_are_refused(tasks: TaskManager) -> None:
    with pytest.raises(InvalidTask, match="no argument 'b'"):
        tasks.submit("t", lambda handle, a=1: a, {"b": 1})


def test_progress_and_partial_results_are_seen_while_it_runs(tasks: TaskManager, flag: Flag) -> None:
    def work(handle: Any) -> str:
        handle.progress(done=1, total=4, message="a quarter", partial={"rows": [1]})
        flag.wait()
        handle.output(TaskStatus.IN_PROGRESS, {"rows": [1, 2]})
        handle.sleep(0.2)
        return "all"

    tasks.submit("t", work)
    begun(tasks)
    record = tasks.snapshot("t")
    assert (record.state, record.progress, record.done, record.total) == (RunState.RUNNING, 0.25, 1, 4)
    assert record.message == "a quarter"
    assert tasks.get_result("t") == {"id": "t", "status": TaskStatus.IN_PROGRESS, "data": {"rows": [1]}}
    flag.set()
    wait_until(lambda: data(tasks) in ({"rows": [1, 2]}, "all"), what="the next partial result")
    ended(tasks)
    assert data(tasks) == "all"


def test_log_lines_and_warnings_are_kept(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        handle.log("line %d", 1)
        logging.getLogger("somewhere").error("plain logging")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("look out", stacklevel=1)
        handle.log.debug("below every level")

    tasks.submit("t", work)
    lines = [(line.level, line.logger, line.text) for line in ended(tasks).logs]
    assert lines[:2] == [("INFO", "octostar_runtime.task", "line 1"), ("ERROR", "somewhere", "plain logging")]
    assert ("DEBUG", "octostar_runtime.task", "below every level") in lines
    assert [text for _, logger, text in lines if logger == "py.warnings" and "UserWarning: look out" in text]


def test_a_flood_of_progress_and_lines_stays_bounded_and_its_last_word_counts(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        for i in range(5_000):
            handle.progress(i / 5_000, f"step {i}", partial=i)
            handle.log("line %d", i)
        handle.progress(1.0, "the last")

    tasks.submit("t", work)
    record = ended(tasks, timeout_s=50)
    assert (record.progress, record.message) == (1.0, "the last")
    assert len(record.logs) <= 200
    assert record.logs[-1].text == "line 4999"
    assert len(record.logs) + record.logs_dropped == 5_000


@pytest.mark.parametrize("way", ["output", "progress", "check", "sleep", "asyncio"])
def test_a_cancel_stops_it_at_its_next_report(tasks: TaskManager, way: str) -> None:
    def work(handle: Any) -> None:
        handle.progress(0.1, partial="partial")
        while True:
            if way == "output":
                handle.output(TaskStatus.IN_PROGRESS, "partial")
            elif way == "progress":
                handle.progress(0.5)
            elif way == "check":
                handle.check()
            else:
                handle.sleep(60)
            time.sleep(0.002)

    async def work_async(handle: Any) -> None:
        handle.progress(0.1, partial="partial")
        await asyncio.sleep(60)

    fn: Callable[..., Any] = work_async if way == "asyncio" else work
    tasks.submit("t", fn)
    begun(tasks)
    assert tasks.cancel("t", reason="enough", by="ada")
    record = ended(tasks)
    assert record.state is RunState.CANCELLED
    assert (record.cancel.by, record.cancel.reason, record.cancel.outcome) == ("ada", "enough", CancelOutcome.STOPPED)
    assert record.cancel.acknowledged_after_s is not None
    assert record.cancel.acknowledged_after_s <= record.cancel.stopped_after_s < 5
    assert data(tasks) == "partial"


def test_a_broad_except_does_not_swallow_a_cancel(tasks: TaskManager) -> None:
    def work(handle: Any) -> str:
        while True:
            try:
                handle.progress(0.5)
                time.sleep(0.002)
            except Exception:  # noqa: BLE001
                return "swallowed"

    tasks.submit("t", work)
    begun(tasks)
    tasks.cancel("t")
    assert ended(tasks).state is RunState.CANCELLED


def test_one_that_looks_at_its_event_and_returns_was_cancelled(tasks: TaskManager) -> None:
    def work(handle: Any) -> str:
        handle.progress(0.1)
        while not handle.cancel_event.wait(0.01):
            pass
        return "so far"

    tasks.submit("t", work)
    begun(tasks)
    tasks.cancel("t")
    assert ended(tasks).state is RunState.CANCELLED
    assert data(tasks) == "so far"


def test_one_that_swallows_its_cancellation_says_so(tasks: TaskManager) -> None:
    def work(handle: Any) -> str:
        handle.progress(0.1)
        try:
            handle.sleep(60)
        except CancelledError:
            return "finished anyway"
        return "never asked"

    tasks.submit("t", work)
    begun(tasks)
    tasks.cancel("t")
    record = ended(tasks)
    assert (record.state, record.cancel.outcome) == (RunState.SUCCESS, CancelOutcome.IGNORED)
    assert data(tasks) == "finished anyway"


def test_one_may_stop_itself(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        raise CancelledError("no more")

    tasks.submit("t", work)
    record = ended(tasks)
    assert (record.state, record.cancel.reason) == (RunState.CANCELLED, "the task stopped itself")


def test_a_cancel_right_after_submit_always_counts(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        handle.sleep(60)

    for i in range(30):
        tasks.submit(f"t{i}", work)
        if i % 3:
            time.sleep(0.002 * (i % 5))
        tasks.cancel(f"t{i}")
    for i in range(30):
        assert ended(tasks, f"t{i}").state is RunState.CANCELLED


def test_one_that_waits_is_cancelled_at_once(tasks: TaskManager, flag: Flag) -> None:
    tasks.submit("hold", lambda handle: flag.wait(), pool="single")
    tasks.submit("t", lambda handle: None, pool="single")
    tasks.cancel("t")
    assert tasks.snapshot("t").state is RunState.CANCELLED
    flag.set()


def test_an_error_has_its_type_text_and_traceback(tasks: TaskManager) -> None:
    def inner() -> None:
        raise ValueError("seven is not a number")

    def work(handle: Any) -> None:
        inner()

    tasks.submit("t", work)
    record = ended(tasks)
    assert (record.state, record.error_type, record.error) == (RunState.ERROR, "ValueError", "seven is not a number")
    assert "in inner" in record.traceback
    assert "octostar_runtime/tasks" not in record.traceback
    assert isinstance(data(tasks), ValueError)
    assert data(tasks).__traceback__ is None


def test_an_exit_ends_the_run_and_nothing_else(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        raise SystemExit(3)

    tasks.submit("t", work, retries=2, backoff_s=0.01)
    record = ended(tasks)
    assert (record.state, record.error_type, record.attempt) == (RunState.ERROR, "SystemExit", 1)
    tasks.submit("t", lambda handle: "next")
    ended(tasks)
    assert data(tasks) == "next"


def test_an_error_is_tried_again_after_its_backoff(tasks: TaskManager) -> None:
    def work(handle: Any) -> int:
        if handle.attempt < 3:
            raise OSError("not yet")
        return int(handle.attempt)

    tasks.submit("t", work, retries=3, backoff_s=0.01)
    assert ended(tasks).attempt == 3
    assert data(tasks) == 3


def test_a_time_limit_counts_for_each_attempt(tasks: TaskManager) -> None:
    def work(handle: Any) -> str:
        if handle.attempt == 1:
            handle.sleep(60)
        return "in time"

    tasks.submit("never", lambda handle: handle.sleep(60), timeout_s=0.2)
    tasks.submit("t", work, timeout_s=2.0, retries=1, backoff_s=0.01)
    record = ended(tasks, "never")
    assert (record.state, record.error_type) == (RunState.TIMED_OUT, "TimeoutError")
    assert ended(tasks).attempt == 2
    assert data(tasks) == "in time"


def test_resubmitting_supersedes_what_runs(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        handle.progress(0.1)
        handle.sleep(60)

    first = tasks.submit("t", work)
    begun(tasks)
    second = tasks.submit("t", lambda handle: "new")
    ended(tasks)
    assert data(tasks) == "new"
    assert tasks.wait_run(first, 20)
    assert (tasks.run(first).state, tasks.run(first).superseded_by) == (RunState.CANCELLED, second)


def test_a_higher_priority_goes_first(tasks: TaskManager, flag: Flag, tmp_path: Path) -> None:
    journal = str(tmp_path / "journal")

    def note(handle: Any) -> None:
        with open(journal, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(f"{handle.task_id} ")

    tasks.submit("hold", lambda handle: flag.wait(), pool="single")
    for name, priority in (("low", 0), ("high", 5), ("middle", 2)):
        tasks.submit(name, note, pool="single", priority=priority)
    flag.set()
    assert tasks.join_pool("single", 20)
    assert Path(journal).read_text(encoding="utf-8").split() == ["high", "middle", "low"]


def test_two_run_at_the_same_time_and_no_third(tasks: TaskManager, tmp_path: Path) -> None:
    here, there = Flag(tmp_path / "here"), Flag(tmp_path / "there")

    def meet(handle: Any, mine: Flag, other: Flag) -> str:
        handle.progress(0.1)
        mine.set()
        other.wait()
        return "met"

    tasks.submit("a", meet, {"mine": here, "other": there})
    begun(tasks, "a")
    tasks.submit("b", lambda handle: handle.sleep(60))
    tasks.submit("c", meet, {"mine": there, "other": here})
    wait_until(lambda: tasks.snapshot("b").state is RunState.RUNNING)
    assert tasks.snapshot("c").state is RunState.QUEUED
    tasks.cancel("b")
    ended(tasks, "a")
    ended(tasks, "c")
    assert (data(tasks, "a"), data(tasks, "c")) == ("met", "met")


def test_a_paused_pool_starts_nothing_until_it_is_resumed(tasks: TaskManager) -> None:
    tasks.pause("single")
    tasks.submit("t", lambda handle: "done", pool="single")
    time.sleep(0.05)
    assert tasks.snapshot("t").state is RunState.QUEUED
    tasks.resume("single")
    ended(tasks)
    assert data(tasks) == "done"


def test_a_pool_is_resized_while_it_works(tasks: TaskManager) -> None:
    tasks.add_pool("elastic", 2, engine=tasks.pools()[0].engine)
    for i in range(6):
        tasks.submit(f"t{i}", lambda handle: handle.sleep(0.05), pool="elastic")
    tasks.resize("elastic", 1)
    assert tasks.join_pool("elastic", 20)
    tasks.resize("elastic", 2)
    tasks.submit("t", lambda handle: "done", pool="elastic")
    ended(tasks)
    assert [tasks.snapshot(f"t{i}").state for i in range(6)] == [RunState.SUCCESS] * 6
    tasks.close_pool("elastic")


def test_its_live_stack_can_be_seen(tasks: TaskManager) -> None:
    def deep(handle: Any) -> None:
        handle.progress(0.1)
        handle.sleep(60)

    run_id = tasks.submit("t", lambda handle: deep(handle))
    begun(tasks)
    stack = tasks.stack(run_id)
    assert "in deep" in stack
    assert "octostar_runtime/tasks/engines" not in stack
    tasks.cancel("t")
    ended(tasks)
    assert tasks.stack(run_id) == ""


def test_its_cpu_seconds_are_counted(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass

    tasks.submit("t", work)
    tasks.submit("lazy", lambda handle: time.sleep(0.2))
    cpu_s, lazy_s = ended(tasks).cpu_s, ended(tasks, "lazy").cpu_s
    assert 0.19 <= cpu_s <= 2.0
    assert lazy_s < 0.15


def test_context_variables_are_carried(tasks: TaskManager) -> None:
    own = contextvars.ContextVar("own", default="lost")
    own.set("carried")
    token = REGION.set("north")

    def work(handle: Any) -> tuple[str, str]:
        return own.get(), REGION.get()

    tasks.submit("t", work)
    REGION.reset(token)
    ended(tasks)
    assert data(tasks) == ("carried", "north")


def test_a_coroutine_function_runs_in_a_loop_of_its_own(tasks: TaskManager) -> None:
    async def work(handle: Any) -> int:
        await asyncio.sleep(0)
        values = await asyncio.gather(*(asyncio.to_thread(pow, i, 2) for i in range(3)))
        handle.progress(1.0)
        return sum(values)

    tasks.submit("t", work)
    assert ended(tasks).progress == 1.0
    assert data(tasks) == 5


@pytest.mark.parametrize("status", [TaskStatus.SUCCESS, "SUCCESS", 10])
def test_a_task_cannot_declare_its_end(tasks: TaskManager, status: Any) -> None:
    def work(handle: Any) -> str:
        try:
            handle.output(status, "x")
        except InvalidStatus:
            return "refused"
        return "accepted"

    tasks.submit("t", work)
    ended(tasks)
    assert data(tasks) == "refused"


def test_functions_and_classes_of_a_script_work(tasks: TaskManager) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(
        "import dataclasses\n"
        "@dataclasses.dataclass\n"
        "class Point:\n"
        "    x: int\n"
        "def helper(x): return Point(x + 1)\n"
        "def work(handle, x): return helper(x)\n",
        scope,
    )
    tasks.submit("t", scope["work"], {"x": 1})
    ended(tasks)
    assert data(tasks) == scope["Point"](2)


def test_a_big_result_and_big_arguments_arrive_whole(tasks: TaskManager) -> None:
    blob = os.urandom(2**20) * 20
    tasks.submit("t", lambda handle, blob: blob[::-1], {"blob": blob})
    assert ended(tasks, timeout_s=50).result_bytes >= len(blob)
    assert data(tasks) == blob[::-1]


def test_many_tiny_runs_all_end(tasks: TaskManager) -> None:
    for i in range(300):
        tasks.submit(f"t{i}", lambda handle, i: i, {"i": i})
    assert tasks.join_pool("default", 50)
    assert [data(tasks, f"t{i}") for i in range(300)] == list(range(300))


def test_the_end_of_a_session_cancels_what_it_left(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        handle.progress(0.1)
        handle.sleep(60)

    tasks.submit("t", work, session_id="s1")
    begun(tasks)
    tasks.session_ended("s1")
    assert ended(tasks).state is RunState.CANCELLED


def test_threads_of_a_task_may_report_for_it(tasks: TaskManager) -> None:
    def work(handle: Any) -> None:
        threads = [threading.Thread(target=handle.progress, args=(i / 4,)) for i in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        handle.progress(1.0, "all")

    tasks.submit("t", work)
    record = ended(tasks)
    assert (record.progress, record.message) == (1.0, "all")


def test_an_ended_run_can_be_run_again_by_hand(tasks: TaskManager) -> None:
    run_id = tasks.submit("t", lambda handle, x: x * 2, {"x": 4})
    ended(tasks)
    again = tasks.retry(run_id)
    assert tasks.wait_run(again, 20)
    assert data(tasks) == 8
