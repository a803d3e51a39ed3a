"""Fair queues, sizes, pauses, drains, utilisation, and what submit refuses."""

import contextvars
import logging
import threading
import time
import warnings
from typing import Any

import pytest

from octostar_runtime.errors import InvalidInput, InvalidTask, ManagerClosed, PoolNotFound
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks import TaskManager, task
from octostar_runtime.testing import ManualClock, wait_until
from tests.unit.tasks.conftest import Gate, Heard, MakeManager


class TestFairness:
    """One user's thousand tasks do not hold up another's first."""

    def order(self, tasks: TaskManager, gate: Gate, *submissions: tuple[str, str, int]) -> list[str]:
        tasks.submit("hold", gate)
        assert gate.begun.wait(5)
        done: list[str] = []
        for name, session, priority in submissions:
            tasks.submit(name, lambda handle, n: done.append(n), {"n": name}, session_id=session, priority=priority)
        gate.opened.set()
        assert tasks.join_pool("default", 10)
        return done

    def test_sessions_take_turns(self, make_manager: MakeManager, gate: Gate) -> None:
        tasks = make_manager(size=1)
        many = [(f"a{i}", "a", 0) for i in range(4)]
        assert self.order(tasks, gate, *many, ("b0", "b", 0), ("b1", "b", 0), ("c0", "c", 0)) == [
            "a0", "b0", "c0", "a1", "b1", "a2", "a3",
        ]  # fmt: skip

    def test_a_higher_priority_goes_first_within_its_session_only(self, make_manager: MakeManager, gate: Gate) -> None:
        tasks = make_manager(size=1)
        submissions = [("a-low", "a", -1), ("a0", "a", 0), ("b0", "b", 0), ("a-high", "a", 9), ("a1", "a", 0)]
        assert self.order(tasks, gate, *submissions) == ["a-high", "b0", "a0", "a1", "a-low"]

    def test_a_newcomer_waits_for_the_running_task_alone(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1)
        gates = [Gate() for _ in range(3)]
        for number, one in enumerate(gates):
            tasks.submit(f"a{number}", one, session_id="a")
        assert gates[0].begun.wait(5)
        tasks.submit("b", lambda handle: None, session_id="b")
        gates[0].opened.set()
        assert tasks.wait("b", 5)
        assert tasks.snapshot("a2").state is RunState.QUEUED
        for one in gates:
            one.opened.set()

    def test_a_session_that_always_has_one_more_starves_nobody(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1)
        order: list[str] = []
        left = [50]

        def greedy(handle: Any) -> None:
            order.append("g")
            if left[0]:
                left[0] -= 1
                tasks.submit(f"g{left[0]}", greedy)

        start = Gate()
        tasks.submit("hold", start)
        assert start.begun.wait(5)
        tasks.submit("g", greedy, session_id="g")
        for i in range(10):
            tasks.submit(f"p{i}", lambda handle: order.append("p"), session_id="p")
        start.opened.set()
        assert tasks.join_pool("default", 10)
        assert order.index("p") <= 1
        assert len([one for one in order[:22] if one == "p"]) == 10

    def test_a_session_may_be_limited(self, make_manager: MakeManager) -> None:
        tasks = make_manager(pools={"default": PoolSettings(size=3, per_session_limit=1)})
        gates = [Gate() for _ in range(3)]
        for number, one in enumerate(gates):
            tasks.submit(f"a{number}", one, session_id="a")
        assert gates[0].begun.wait(5)
        tasks.submit("b", lambda handle: None, session_id="b")
        assert tasks.wait("b", 5)
        assert not gates[1].begun.is_set()
        gates[0].opened.set()
        assert gates[1].begun.wait(5)
        assert not gates[2].begun.is_set()
        for one in gates:
            one.opened.set()

    def test_cancelled_runs_leave_no_trace_in_the_queue(self, make_manager: MakeManager, gate: Gate) -> None:
        tasks = make_manager(size=1)
        tasks.submit("hold", gate, session_id="a")
        assert gate.begun.wait(5)
        for i in range(5_000):
            tasks.submit("same", lambda handle: None, session_id="a", priority=i % 3)
        queue = tasks._pools["default"].queue
        assert queue.size == 1
        assert sum(len(runs) for group in queue._groups.values() for runs in group.levels.values()) < 200


class TestControl:
    """Pools change while they work."""

    def test_growing_starts_what_waits(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1)
        gates = [Gate() for _ in range(3)]
        for number, one in enumerate(gates):
            tasks.submit(f"t{number}", one)
        assert gates[0].begun.wait(5)
        tasks.resize("default", 3)
        assert gates[2].begun.wait(5)
        for one in gates:
            one.opened.set()

    def test_shrinking_while_busy_loses_nothing(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=4)
        gates = [Gate() for _ in range(4)]
        for number, one in enumerate(gates):
            tasks.submit(f"t{number}", one)
        assert all(one.begun.wait(5) for one in gates)
        tasks.resize("default", 1)
        for i in range(20):
            tasks.submit(f"more{i}", lambda handle: None)
        for one in gates:
            one.opened.set()
        assert tasks.join_pool("default", 5)
        assert tasks.counts()[RunState.SUCCESS] == 24
        wait_until(lambda: len(tasks.pools()[0].workers) == 1)

    def test_shrinking_and_growing_again_keeps_the_size(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=3)
        tasks.submit("t", lambda handle: None)
        for size in (1, 5, 2, 8, 1, 4):
            tasks.resize("default", size)
        wait_until(lambda: len(tasks.pools()[0].workers) == 4)

    def test_a_paused_pool_takes_work_and_starts_none(self, make_manager: MakeManager, heard: Heard) -> None:
        tasks = make_manager(sink=heard.bus)
        tasks.pause("default")
        tasks.submit("t", lambda handle: None)
        assert not tasks.wait("t", 0.05)
        assert tasks.pools()[0].state == "paused"
        tasks.resume("default")
        assert tasks.wait("t", 5)
        assert heard.kinds()[:2] == ["pool.paused", "pool.resumed"]

    def test_a_draining_pool_refuses_work_and_lets_what_runs_end(self, make_manager: MakeManager, gate: Gate) -> None:
        tasks = make_manager(size=1)
        tasks.submit("t", gate)
        assert gate.begun.wait(5)
        tasks.submit("waits", lambda handle: None)
        assert tasks.drain("default") is False
        with pytest.raises(ManagerClosed, match="draining"):
            tasks.submit("new", lambda handle: None)
        gate.opened.set()
        assert tasks.drain("default", 5) is True
        assert tasks.snapshot("waits").state is RunState.QUEUED
        tasks.resume("default")
        assert tasks.wait("waits", 5)

    def test_what_runs_through_a_release_and_fails_afterwards_is_tried_again(
        self, make_manager: MakeManager, gate: Gate
    ) -> None:
        tasks = make_manager(size=1)
        tries: list[int] = []

        def work(handle: Any) -> str:
            tries.append(handle.attempt)
            gate(handle)
            if handle.attempt == 1:
                raise ValueError("not yet")
            return "done"

        tasks.submit("t", work, retries=1, backoff_s=0.001)
        assert gate.begun.wait(5)
        tasks.release("default")
        tasks.resume("default")
        gate.opened.set()
        assert tasks.wait("t", 10)
        assert (tries, tasks.get_result("t")["data"]) == ([1, 2], "done")

    def test_a_released_pool_has_no_threads_until_it_is_needed(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=3)
        tasks.submit("t", lambda handle: None)
        tasks.wait("t", 5)
        tasks.release("default")
        wait_until(lambda: not tasks.pools()[0].workers)
        assert tasks.pools()[0].state == "released"
        tasks.submit("t", lambda handle: 1)
        assert tasks.wait("t", 5)
        assert len(tasks.pools()[0].workers) == 3

    def test_no_thread_starts_before_the_first_task(self, make_manager: MakeManager) -> None:
        before = threading.active_count()
        make_manager(size=10)
        assert threading.active_count() == before

    def test_unknown_pools_are_refused_with_those_there_are(self, tasks: TaskManager) -> None:
        for call in (tasks.pause, tasks.resume, tasks.drain, tasks.release, tasks.close_pool):
            with pytest.raises(PoolNotFound, match="default"):
                call("nope")
        with pytest.raises(PoolNotFound, match="default"):
            tasks.submit("t", lambda handle: None, pool="nope")

    @pytest.mark.parametrize("size", [0, -1, 1001, 2.5, True, "3", None])
    def test_impossible_sizes_are_refused(self, tasks: TaskManager, size: Any) -> None:
        with pytest.raises(InvalidInput):
            tasks.resize("default", size)
        with pytest.raises(ValueError, match=r"size"):
            tasks.add_pool("new", size)


class TestUtilisation:
    """Busy seconds are integrated."""

    def test_busy_shares_are_exact(self, make_manager: MakeManager, gate: Gate) -> None:
        clock = ManualClock()
        tasks = make_manager(size=2, clock=clock)
        tasks.submit("t", gate)
        assert gate.begun.wait(5)
        clock.advance(30)
        assert tasks.pools()[0].busy_1m == pytest.approx(0.5)
        assert tasks.pools()[0].workers[0].busy_1m + tasks.pools()[0].workers[1].busy_1m == pytest.approx(1.0)
        gate.opened.set()
        tasks.wait("t", 5)
        clock.advance(30)
        (pool,) = tasks.pools()
        assert pool.busy_1m == pytest.approx(0.25)
        clock.advance(45)
        assert tasks.pools()[0].busy_1m == pytest.approx(0.0)
        assert tasks.pools()[0].busy_5m == pytest.approx(30 / 210)

    def test_waits_and_run_times_have_percentiles(self, make_manager: MakeManager) -> None:
        clock = ManualClock()
        tasks = make_manager(size=1, clock=clock)
        for length in range(1, 21):
            tasks.submit("t", lambda handle, s: clock.advance(s), {"s": length})
            tasks.wait("t", 5)
        run = tasks.pools()[0].run
        assert (run.count, run.p50_s, run.p95_s, run.max_s) == (20, 10, 19, 20)
        clock.advance(1_000)
        assert tasks.pools()[0].run.count == 0

    def test_a_worker_shows_its_stretches_of_work(self, make_manager: MakeManager, gate: Gate) -> None:
        clock = ManualClock()
        tasks = make_manager(size=1, clock=clock)
        run_id = tasks.submit("t", gate, name="Long")
        assert gate.begun.wait(5)
        clock.advance(5)
        (span,) = tasks.pools()[0].workers[0].spans
        assert (span.run_id, span.name, span.ended_at) == (run_id, "Long", None)
        gate.opened.set()
        tasks.wait("t", 5)
        (span,) = tasks.pools()[0].workers[0].spans
        assert span.ended_at == span.started_at + 5


class TestBadInput:
    """A typed error at the call, that names the fix."""

    @pytest.mark.parametrize("task_id", ["", "  ", None, [], {}, "x" * 501])
    def test_ids_that_cannot_name_a_task(self, tasks: TaskManager, task_id: Any) -> None:
        with pytest.raises(InvalidTask, match="task id"):
            tasks.submit(task_id, lambda handle: None)

    @pytest.mark.parametrize("fn", [None, 3, "name"])
    def test_what_cannot_be_called(self, tasks: TaskManager, fn: Any) -> None:
        with pytest.raises(InvalidTask, match="function"):
            tasks.submit("t", fn)

    @pytest.mark.parametrize(
        ("fn", "kwargs"),
        [
            (lambda: None, None),
            (lambda handle, a: None, None),
            (lambda handle, a: None, {"b": 1}),
            (lambda handle: None, {"handle": 1}),
            (lambda handle, *, k: None, {}),
            (lambda handle: None, {1: 2}),
            (lambda handle: None, [1]),
        ],
    )
    def test_calls_that_do_not_fit(self, tasks: TaskManager, fn: Any, kwargs: Any) -> None:
        with pytest.raises(InvalidTask):
            tasks.submit("t", fn, kwargs)

    def test_calls_that_do_fit(self, tasks: TaskManager) -> None:
        def varied(handle: Any, a: int = 1, *rest: Any, k: int = 2, **more: Any) -> int:
            return a + k + len(more)

        class Callable:
            def method(self, handle: Any, a: int) -> int:
                return a

            def __call__(self, handle: Any) -> int:
                return 9

        calls: list[tuple[Any, dict[str, int]]] = [
            (varied, {"a": 5, "k": 1, "z": 1}),
            (Callable().method, {"a": 4}),
            (Callable(), {}),
            (lambda *a: 1, {}),
        ]
        for number, (fn, kwargs) in enumerate(calls):
            tasks.submit(f"t{number}", fn, kwargs)
            assert tasks.wait(f"t{number}", 5)
            assert tasks.snapshot(f"t{number}").state is RunState.SUCCESS

    def test_functions_that_yield_and_would_run_nothing(self, tasks: TaskManager) -> None:
        def steps(handle: Any) -> Any:
            yield 1

        async def more_steps(handle: Any) -> Any:
            yield 1

        for fn in (steps, more_steps):
            with pytest.raises(InvalidTask, match="yields"):
                tasks.submit("t", fn)

    @pytest.mark.parametrize("pool", ["none", "", [], 3])
    def test_pools_that_are_not_there(self, tasks: TaskManager, pool: Any) -> None:
        with pytest.raises(PoolNotFound, match="default"):
            tasks.submit("t", lambda handle: None, pool=pool)

    @pytest.mark.parametrize(
        "options",
        [
            {"timeout_s": 0}, {"timeout_s": -1}, {"timeout_s": float("nan")}, {"timeout_s": "5"}, {"retries": -1},
            {"retries": 1.5}, {"priority": "high"}, {"priority": 1.5}, {"backoff_s": -1}, {"tags": "one"},
            {"tags": [1]}, {"tags": [""]}, {"on_session_end": "stop"}, {"name": ""}, {"name": 3},
            {"priority": 10**12}, {"session_id": 5}, {"session_id": ""}, {"user": ["ada"]},
        ],
    )  # fmt: skip
    def test_options_out_of_range(self, tasks: TaskManager, options: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            tasks.submit("t", lambda handle: None, **options)
        assert not tasks.runs()

    @pytest.mark.parametrize(
        "call",
        [
            {"fraction": 1.5}, {"fraction": -0.1}, {"fraction": float("nan")}, {"done": 3, "total": 0},
            {"done": -1, "total": 5}, {"total": 5}, {"fraction": 0.5, "done": 1},
        ],
    )  # fmt: skip
    def test_progress_that_makes_no_sense(self, tasks: TaskManager, call: dict[str, Any]) -> None:
        tasks.submit("t", lambda handle: handle.progress(**call))
        tasks.wait("t", 5)
        assert tasks.snapshot("t").error_type == "octostar_runtime.errors.InvalidInput"


class TestWhatATaskSays:
    """Logs, warnings, progress, context."""

    def test_plain_logging_is_kept_with_the_run_and_bounded(self, tasks: TaskManager) -> None:
        handlers, level = list(logging.root.handlers), logging.root.level

        def work(handle: Any) -> None:
            for i in range(250):
                logging.getLogger("app").warning("line %d", i)

        tasks.submit("t", work)
        tasks.wait("t", 5)
        record = tasks.snapshot("t")
        assert len(record.logs) == 200
        assert record.logs_dropped == 50
        assert (record.logs[-1].text, record.logs[-1].logger, record.logs[-1].level) == ("line 249", "app", "WARNING")
        logging.getLogger("app").warning("outside of any task")
        assert tasks.snapshot("t").seq == record.seq
        assert (list(logging.root.handlers), logging.root.level) == (handlers, level)

    def test_the_handles_log_has_no_level(self, tasks: TaskManager) -> None:
        def work(handle: Any) -> None:
            handle.log.debug("detail %s", 1)
            handle.log.warning("careful")
            handle.log("plain")

        tasks.submit("t", work)
        tasks.wait("t", 5)
        assert [line.text for line in tasks.snapshot("t").logs] == ["detail 1", "careful", "plain"]

    def test_warnings_are_kept_too(self, tasks: TaskManager) -> None:
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            tasks.submit("t", lambda handle: warnings.warn("old thing", UserWarning, stacklevel=1))
            tasks.wait("t", 5)
        assert "UserWarning: old thing" in tasks.snapshot("t").logs[0].text
        assert [str(warning.message) for warning in shown] == ["old thing"]  # and it is shown as before

    def test_two_runs_at_once_keep_their_lines_apart(self, tasks: TaskManager) -> None:
        meet = threading.Barrier(2)

        def work(handle: Any, name: str) -> None:
            meet.wait(5)
            for _ in range(20):
                logging.getLogger("app").error(name)

        for name in "ab":
            tasks.submit(name, work, {"name": name})
        for name in "ab":
            tasks.wait(name, 5)
            assert {line.text for line in tasks.snapshot(name).logs} == {name}

    def test_context_variables_are_carried(self, tasks: TaskManager) -> None:
        tenant = contextvars.ContextVar("tenant", default="none")
        tenant.set("acme")
        tasks.submit("t", lambda handle: tenant.get())
        tasks.wait("t", 5)
        assert tasks.get_result("t")["data"] == "acme"

    def test_arguments_are_shown_with_their_secrets_hidden(self, tasks: TaskManager) -> None:
        tasks.submit(
            "t", lambda handle, **all: None,
            {"table": "users", "password": "hunter2", "config": {"api_key": "abc", "n": 1}, "rows": list(range(99))},
        )  # fmt: skip
        text = tasks.snapshot("t").arguments
        assert "hunter2" not in text
        assert "abc" not in text
        assert "table='users'" in text
        assert "'n': 1" in text

    def test_cpu_time_is_told_apart_from_waiting(self, tasks: TaskManager) -> None:
        def burn(handle: Any) -> None:
            until = time.thread_time() + 0.05
            while time.thread_time() < until:
                pass

        tasks.submit("burn", burn)
        tasks.submit("sleep", lambda handle: time.sleep(0.05))
        tasks.join_pool("default", 5)
        burned, slept = tasks.snapshot("burn").cpu_s, tasks.snapshot("sleep").cpu_s
        assert burned is not None
        assert slept is not None
        assert 0.04 < burned < 0.1
        assert slept < 0.02


@task(name="Add up")
def add(handle: Any, a: int, b: int) -> int:
    return a + b


class TestRegisteredFunctions:
    """Functions that another node could run."""

    def test_say_so_in_the_record(self, tasks: TaskManager) -> None:
        run_id = tasks.submit("t", add, {"a": 1, "b": 2})
        tasks.wait("t", 5)
        record = tasks.run(run_id)
        assert record.name == "Add up"
        assert record.function == f"{__name__}:add"
        assert record.portable
        assert tasks.portable_arguments(run_id) == {"a": 1, "b": 2}
        assert record.can_retry(owner_alive=False)

    def test_run_on_another_node(self, make_manager: MakeManager) -> None:
        here, there = make_manager(), make_manager()
        run_id = there.submit("t", add, {"a": 1, "b": 2})
        there.wait("t", 5)
        arguments = there.portable_arguments(run_id)
        assert arguments is not None
        again = here.retry_elsewhere(there.run(run_id), arguments)
        assert here.wait_run(again, 5)
        assert here.get_result("t")["data"] == 3
        assert here.run(again).retry_of == run_id

    def test_arguments_that_are_not_json_keep_a_run_on_its_node(self, tasks: TaskManager) -> None:
        run_id = tasks.submit("t", add, {"a": 1, "b": (2,)})
        assert tasks.portable_arguments(run_id) is None
        assert "JSON" in (tasks.run(run_id).not_retriable_because or "")
        closure = tasks.submit("u", lambda handle: None)
        assert "@task" in (tasks.run(closure).not_retriable_because or "")

    def test_a_closure_cannot_be_registered(self) -> None:
        with pytest.raises(InvalidTask, match="top level"):
            task(lambda handle: None)
