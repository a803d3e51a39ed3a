"""What every remote engine shares, over the smallest transport there can be."""

import asyncio
import contextvars
import logging
import threading
import time
import warnings
from typing import Any

import pytest

from octostar_runtime.errors import CancelledError, NotPortable, RemoteError, TooLarge
from octostar_runtime.models.runs import CancelOutcome, RunState, TaskStatus
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import wait_until
from tests.unit.tasks.engines.loop import LoopEngine

REGION = contextvars.ContextVar("region", default="nowhere")


def test_a_closure_and_its_arguments_go_there_and_the_result_comes_back(looped: TaskManager) -> None:
    factor = 3

    def work(handle: Any, numbers: list[int]) -> dict[str, Any]:
        numbers.append(4)
        return {"sum": sum(numbers) * factor, "id": handle.task_id, "attempt": handle.attempt}

    given = [1, 2]
    looped.submit("t", work, {"numbers": given})
    assert looped.wait("t", 5)
    assert looped.get_result("t")["data"] == {"sum": 21, "id": "t", "attempt": 1}
    assert given == [1, 2]


def test_what_it_tells_arrives(looped: TaskManager) -> None:
    def work(handle: Any) -> str:
        handle.progress(done=1, total=4, message="a quarter", partial=["so", "far"])
        handle.log("a line for %s", "people")
        logging.getLogger("somewhere").warning("plain logging")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("look out", stacklevel=1)
        handle.sleep(0.1)
        handle.check()
        return "done"

    run_id = looped.submit("t", work)
    wait_until(lambda: looped.get_result("t")["data"] == ["so", "far"], what="the partial result")
    record = looped.snapshot("t")
    assert (record.progress, record.done, record.total, record.message) == (0.25, 1, 4, "a quarter")
    assert looped.wait_run(run_id, 5)
    texts = [line.text for line in looped.run(run_id).logs]
    assert texts[:2] == ["a line for people", "plain logging"]
    assert "UserWarning: look out" in texts[2]


def test_a_flood_of_progress_becomes_few_messages_and_the_last_one_arrives(
    looped: TaskManager, engine: LoopEngine
) -> None:
    def work(handle: Any) -> None:
        for i in range(20_000):
            handle.progress(i / 20_000, f"step {i}")
            handle.log("line %d", i)
        handle.progress(1.0, "the last")

    started = time.monotonic()
    looped.submit("t", work)
    assert looped.wait("t", 30)
    took = time.monotonic() - started
    record = looped.snapshot("t")
    assert (record.progress, record.message) == (1.0, "the last")
    assert len(engine.sent) <= 2 + took * 110
    assert len(record.logs) <= 200
    assert record.logs[-1].text == "line 19999"
    assert len(record.logs) + record.logs_dropped == 20_000


@pytest.mark.parametrize("way", ["output", "progress", "check", "sleep", "asyncio"])
def test_a_cancel_reaches_it(looped: TaskManager, way: str) -> None:
    def work(handle: Any) -> None:
        handle.output(TaskStatus.IN_PROGRESS, "partial")
        while True:
            if way == "output":
                handle.output(TaskStatus.IN_PROGRESS, "partial")
            elif way == "progress":
                handle.progress(0.5)
            elif way == "check":
                handle.check()
            else:
                handle.sleep(60)
            time.sleep(0.001)

    async def work_async(handle: Any) -> None:
        handle.output(TaskStatus.IN_PROGRESS, "partial")
        await asyncio.sleep(60)

    looped.submit("t", work_async if way == "asyncio" else work)
    wait_until(lambda: looped.get_result("t")["data"] == "partial")
    looped.cancel("t")
    assert looped.wait("t", 5)
    record = looped.snapshot("t")
    assert record.state is RunState.CANCELLED
    assert record.cancel is not None
    assert record.cancel.outcome is CancelOutcome.STOPPED
    assert looped.get_result("t")["data"] == "partial"


def test_one_that_looks_at_its_event_and_returns_was_cancelled(looped: TaskManager) -> None:
    def work(handle: Any) -> str:
        handle.progress(0.1)
        while not handle.cancel_event.wait(0.01):
            pass
        return "so far"

    looped.submit("t", work)
    wait_until(lambda: looped.snapshot("t").progress == 0.1)
    looped.cancel("t")
    assert looped.wait("t", 5)
    assert looped.get_result("t") == {"id": "t", "status": TaskStatus.CANCELLED, "data": "so far"}


def test_one_that_swallows_its_cancellation_says_so(looped: TaskManager) -> None:
    def work(handle: Any) -> str:
        handle.progress(0.1)
        try:
            handle.sleep(60)
        except CancelledError:
            return "finished anyway"
        return "never asked"

    looped.submit("t", work)
    wait_until(lambda: looped.snapshot("t").progress == 0.1)
    looped.cancel("t")
    assert looped.wait("t", 5)
    cancel = looped.snapshot("t").cancel
    assert looped.get_result("t")["data"] == "finished anyway"
    assert cancel is not None
    assert cancel.outcome is CancelOutcome.IGNORED


def test_one_that_stops_itself_through_its_event_is_told_in_the_parent(looped: TaskManager) -> None:
    def work(handle: Any) -> None:
        handle.cancel_event.set()
        handle.check()

    looped.submit("t", work)
    assert looped.wait("t", 5)
    record = looped.snapshot("t")
    assert record.state is RunState.CANCELLED
    assert record.cancel is not None
    assert record.cancel.reason == "the task's cancel_event was set"


def test_an_error_comes_back_with_its_type_and_its_traceback(looped: TaskManager) -> None:
    def inner() -> None:
        raise ValueError("seven is not a number")

    def work(handle: Any) -> None:
        inner()

    looped.submit("t", work)
    assert looped.wait("t", 5)
    record = looped.snapshot("t")
    assert (record.state, record.error_type, record.error) == (RunState.ERROR, "ValueError", "seven is not a number")
    assert record.traceback is not None
    assert "in inner" in record.traceback
    assert "engines/remote" not in record.traceback
    assert isinstance(looped.get_result("t")["data"], ValueError)


def test_an_exception_that_cannot_come_back_is_told_as_text(looped: TaskManager) -> None:
    # made here: an import of distributed teaches pickle every exception class that there is by then
    class Awkward(Exception):
        """Its pickle cannot be read: it wants two arguments and hands on one."""

        def __init__(self, first: str, second: str) -> None:
            super().__init__(first)

    def work(handle: Any) -> None:
        raise Awkward("told", "lost")

    looped.submit("t", work)
    assert looped.wait("t", 5)
    record = looped.snapshot("t")
    assert (record.error_type, record.error) == (f"{Awkward.__module__}.{Awkward.__qualname__}", "told")
    assert isinstance(looped.get_result("t")["data"], RemoteError)


def test_an_exit_is_an_error_that_is_not_tried_again(looped: TaskManager) -> None:
    def work(handle: Any) -> None:
        raise SystemExit(3)

    looped.submit("t", work, retries=3, backoff_s=0.01)
    assert looped.wait("t", 5)
    record = looped.snapshot("t")
    assert (record.state, record.error_type, record.attempt) == (RunState.ERROR, "SystemExit", 1)


def test_an_error_is_tried_again(looped: TaskManager) -> None:
    def work(handle: Any) -> int:
        if handle.attempt < 3:
            raise OSError("not yet")
        return int(handle.attempt)

    looped.submit("t", work, retries=3, backoff_s=0.01)
    assert looped.wait("t", 5)
    assert looped.get_result("t")["data"] == 3


@pytest.mark.parametrize("where", ["argument", "closure", "default", "global"])
def test_what_cannot_be_sent_is_refused_at_submit_by_its_name(looped: TaskManager, where: str) -> None:
    door = threading.Lock()

    def uses_closure(handle: Any) -> None:
        with door:
            pass

    def plain(handle: Any, door: Any = None) -> None: ...

    def uses_default(handle: Any, door: Any = door) -> None: ...

    scope: dict[str, Any] = {"door": door, "__name__": "__main__"}
    exec("def uses_global(handle):\n    return door", scope)
    fn: Any = {"closure": uses_closure, "default": uses_default, "global": scope["uses_global"]}.get(where, plain)
    with pytest.raises(NotPortable, match=r"'door'.* cannot be sent to another process: cannot pickle") as caught:
        looped.submit("t", fn, {"door": door} if where == "argument" else None)
    assert caught.value.argument == "door"
    assert isinstance(caught.value, TypeError)
    with pytest.raises(KeyError):
        looped.snapshot("t")


def test_a_function_of_a_script_and_its_classes_go_along_by_value(looped: TaskManager) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(
        "class Point:\n"
        "    def __init__(self, x): self.x = x\n"
        "def helper(x): return Point(x + 1)\n"
        "def work(handle, x): return helper(x)\n",
        scope,
    )
    looped.submit("t", scope["work"], {"x": 1})
    assert looped.wait("t", 5)
    result = looped.get_result("t")["data"]
    assert result.x == 2
    assert type(result) is scope["Point"]


def test_context_variables_go_along(looped: TaskManager) -> None:
    own = contextvars.ContextVar("own", default="lost")
    own.set("carried")
    token = REGION.set("north")

    def work(handle: Any) -> tuple[str, str]:
        return own.get(), REGION.get()

    looped.submit("t", work)
    REGION.reset(token)
    assert looped.wait("t", 5)
    assert looped.get_result("t")["data"] == ("carried", "north")


def test_a_result_that_cannot_come_back_is_an_error_that_names_it(looped: TaskManager) -> None:
    looped.submit("t", lambda handle: threading.Lock(), name="locksmith", retries=2)
    assert looped.wait("t", 5)
    record = looped.snapshot("t")
    assert (record.state, record.attempt) == (RunState.ERROR, 1)
    assert isinstance(looped.get_result("t")["data"], NotPortable)
    assert record.error is not None
    assert record.error.startswith("the result of 'locksmith' (lock) cannot be sent")


def test_a_result_over_the_limit_is_an_error_that_names_the_limit(looped: TaskManager) -> None:
    looped.submit("t", lambda handle: b"x" * (2**20 + 1))
    assert looped.wait("t", 5)
    assert isinstance(looped.get_result("t")["data"], TooLarge)
    assert "result_mb" in str(looped.get_result("t")["data"])


def test_a_partial_result_over_the_limit_raises_in_the_task(looped: TaskManager) -> None:
    def work(handle: Any) -> str:
        with pytest.raises(TooLarge, match="partial result"):
            handle.progress(0.5, partial=b"x" * 2**17)
        return "told"

    looped.submit("t", work)
    assert looped.wait("t", 5)
    assert looped.get_result("t")["data"] == "told"


def test_its_stack_can_be_seen(looped: TaskManager) -> None:
    def deep(handle: Any) -> None:
        handle.progress(0.1)
        handle.sleep(60)

    run_id = looped.submit("t", lambda handle: deep(handle))
    wait_until(lambda: looped.snapshot("t").progress == 0.1)
    stack = looped.stack(run_id)
    assert "in deep" in stack
    assert "engines/remote" not in stack
    looped.cancel("t")
    assert looped.wait("t", 5)


def test_its_cpu_time_is_counted(looped: TaskManager) -> None:
    def work(handle: Any) -> None:
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass

    looped.submit("t", work)
    assert looped.wait("t", 10)
    cpu_s = looped.snapshot("t").cpu_s
    assert cpu_s is not None
    assert cpu_s >= 0.09


def test_a_retry_by_hand_packs_the_call_again(looped: TaskManager) -> None:
    run_id = looped.submit("t", lambda handle, x: x * 2, {"x": 4})
    assert looped.wait("t", 5)
    again = looped.retry(run_id)
    assert looped.wait_run(again, 5)
    assert looped.get_result("t")["data"] == 8
