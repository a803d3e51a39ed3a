"""Runs from queue to end: states, results, superseding, waiting."""

import threading
import time
import uuid
from typing import Any

import pytest

from octostar_runtime.errors import InvalidInput, ManagerClosed, QueueFull, ResultExpired, TaskNotFound
from octostar_runtime.models.runs import CancelOutcome, RunState, TaskStatus
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import wait_until
from tests.unit.tasks.conftest import Gate, MakeManager


def test_a_task_gets_its_arguments_and_its_result_can_be_read(tasks: TaskManager) -> None:
    run_id = tasks.submit("sum", lambda handle, a, b: a + b, {"a": 1, "b": 2}, name="Sum", tags=["x"], user="ada")
    assert tasks.wait("sum", 5)
    assert tasks.get_result("sum") == {"id": "sum", "status": TaskStatus.SUCCESS, "data": 3}
    record = tasks.snapshot("sum")
    assert (record.run_id, record.name, record.tags, record.user) == (run_id, "Sum", ("x",), "ada")
    assert [state for state, _ in record.timeline] == [RunState.QUEUED, RunState.RUNNING, RunState.SUCCESS]
    assert record.wait_s is not None
    assert record.run_s is not None
    assert record.cpu_s is not None


def test_run_ids_are_uuids_that_sort_by_submission(tasks: TaskManager) -> None:
    ids = [tasks.submit(f"t{i}", lambda handle: None) for i in range(5000)]
    assert ids == sorted(set(ids))
    assert uuid.UUID(ids[0]).version == 7


def test_a_finished_task_never_stays_unfinished(tasks: TaskManager) -> None:
    for i in range(30_000):
        tasks.submit(f"t{i}", lambda handle: None)
    assert tasks.join_pool("default", 30)
    assert tasks.counts()[RunState.SUCCESS] == 30_000


def test_an_error_keeps_its_text_and_no_frame(tasks: TaskManager) -> None:
    class Big:
        pass

    alive: list[Any] = []

    def fail(handle: Any) -> None:
        import weakref

        big = Big()
        alive.append(weakref.ref(big))
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner

    tasks.submit("bad", fail)
    tasks.wait("bad", 5)
    result = tasks.get_result("bad")
    assert result["status"] is TaskStatus.ERROR
    assert isinstance(result["data"], ValueError)
    wait_until(lambda: alive[0]() is None, what="the end of what the failed task had in hand")
    record = tasks.snapshot("bad")
    assert (record.error_type, record.error) == ("ValueError", "outer")
    assert record.traceback is not None
    assert "KeyError: 'inner'" in record.traceback
    assert "octostar_runtime" not in record.traceback


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError])
def test_whatever_a_task_raises_ends_the_run_and_not_the_worker(
    make_manager: MakeManager, kind: type[BaseException]
) -> None:
    tasks = make_manager(size=1)

    def fail(handle: Any) -> None:
        raise kind("x")

    tasks.submit("bad", fail, retries=0)
    assert tasks.wait("bad", 5)
    assert tasks.snapshot("bad").error_type == kind.__name__
    tasks.submit("good", lambda handle: 1)
    assert tasks.wait("good", 5)


def test_an_error_that_cannot_be_shown_still_ends_the_run(tasks: TaskManager) -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    def fail(handle: Any) -> None:
        raise Rude

    tasks.submit("rude", fail)
    assert tasks.wait("rude", 5)
    assert tasks.snapshot("rude").state is RunState.ERROR


def test_resubmitting_a_running_task_supersedes_it_without_waiting(tasks: TaskManager) -> None:
    seen: list[str] = []
    begun = threading.Event()

    def old(handle: Any) -> None:
        begun.set()
        try:
            while True:
                time.sleep(0.002)
                handle.output(TaskStatus.IN_PROGRESS, "old")
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    first = tasks.submit("id", old)
    assert begun.wait(5)
    started = time.perf_counter()
    second = tasks.submit("id", lambda handle: "new")
    assert time.perf_counter() - started < 0.5
    assert tasks.wait("id", 5)
    assert tasks.get_result("id")["data"] == "new"
    assert tasks.wait_run(first, 5)
    assert seen == ["CancelledError"]
    record = tasks.run(first)
    assert record.state is RunState.CANCELLED
    assert record.superseded_by == second
    assert record.cancel is not None
    assert record.cancel.reason == "superseded"


def test_a_late_output_of_a_superseded_run_is_dropped(tasks: TaskManager, gate: Gate) -> None:
    first = tasks.submit("id", gate)
    gate.begun.wait(5)
    tasks.submit("id", lambda handle: "new")
    tasks.wait("id", 5)
    gate.opened.set()
    tasks.wait_run(first, 5)
    assert tasks.get_result("id")["data"] == "new"
    cancel = tasks.run(first).cancel
    assert cancel is not None
    assert cancel.outcome is CancelOutcome.IGNORED


def test_resubmitting_a_queued_task_replaces_it(make_manager: MakeManager, gate: Gate) -> None:
    tasks = make_manager(size=1)
    tasks.submit("hold", gate)
    ran: list[int] = []
    old = tasks.submit("id", lambda handle: ran.append(1))
    tasks.submit("id", lambda handle: ran.append(2))
    assert tasks.run(old).state is RunState.CANCELLED
    gate.opened.set()
    tasks.wait("id", 5)
    assert ran == [2]


def test_a_task_may_resubmit_its_own_id(make_manager: MakeManager) -> None:
    tasks = make_manager(size=1)
    left = [5]

    def again(handle: Any) -> int:
        if left[0]:
            left[0] -= 1
            tasks.submit("again", again)
        return left[0]

    tasks.submit("again", again)
    wait_until(lambda: tasks.get_result("again")["status"] is TaskStatus.SUCCESS and not left[0])


def test_a_task_that_waits_for_itself_is_told(tasks: TaskManager) -> None:
    tasks.submit("self", lambda handle: tasks.wait("self"))
    assert tasks.wait("self", 5)
    assert tasks.snapshot("self").error_type == "octostar_runtime.errors.InvalidInput"
    tasks.submit("pool", lambda handle: tasks.join_pool("default"))
    assert tasks.wait("pool", 5)
    assert tasks.snapshot("pool").state is RunState.ERROR


def test_two_threads_that_submit_one_id_make_two_runs(tasks: TaskManager, gate: Gate) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(tasks.submit("id", gate))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.opened.set()
    for run_id in ids:
        assert tasks.wait_run(run_id, 5)
    assert len(set(ids)) == 8
    assert all(tasks.run(run_id).terminal for run_id in ids)


def test_what_a_reader_does_with_a_result_changes_nobody_elses(tasks: TaskManager, gate: Gate) -> None:
    rows = [{"n": [1]}]

    def partial(handle: Any) -> list[Any]:
        handle.output(TaskStatus.IN_PROGRESS, rows)
        rows[0]["n"].append(2)
        gate(handle)
        return rows

    tasks.submit("rows", partial)
    gate.begun.wait(5)
    assert tasks.get_result("rows")["data"] == [{"n": [1]}]
    tasks.get_result("rows")["data"][0]["n"].append(99)
    assert tasks.get_result("rows")["data"] == [{"n": [1]}]
    gate.opened.set()
    tasks.wait("rows", 5)
    tasks.get_result("rows")["data"].clear()
    assert tasks.get_result("rows")["data"] == [{"n": [1, 2]}]


def test_arguments_are_copied_when_they_are_submitted(make_manager: MakeManager, gate: Gate) -> None:
    tasks = make_manager(size=1)
    tasks.submit("hold", gate)
    kwargs = {"a": 1}
    tasks.submit("id", lambda handle, a: a, kwargs)
    kwargs["a"] = 2
    kwargs["b"] = 3
    gate.opened.set()
    tasks.wait("id", 5)
    assert tasks.get_result("id")["data"] == 1


def test_unknown_tasks_and_runs_are_key_errors(tasks: TaskManager) -> None:
    for call in (tasks.get_result, tasks.snapshot, tasks.run, tasks.cancel, tasks.cancel_run, tasks.retry, tasks.wait):
        with pytest.raises(TaskNotFound):
            call("nobody")
    with pytest.raises(KeyError):
        tasks.get_result(["unhashable"])  # type: ignore[arg-type]


def test_waiting_ends_with_its_time(tasks: TaskManager, gate: Gate) -> None:
    run_id = tasks.submit("hold", gate)
    assert not tasks.wait("hold", 0.01)
    assert not tasks.wait_run(run_id, 0)
    gate.opened.set()
    assert tasks.wait("hold", 5)


def test_a_full_queue_refuses_with_its_limit(make_manager: MakeManager, gate: Gate) -> None:
    tasks = make_manager(pools={"default": PoolSettings(size=1, queue_limit=2)})
    tasks.submit("hold", gate)
    gate.begun.wait(5)
    tasks.submit("a", gate)
    tasks.submit("b", gate)
    with pytest.raises(QueueFull, match="2 runs wait") as caught:
        tasks.submit("c", gate)
    assert caught.value.limit == 2
    assert tasks.pools()[0].rejected == 1
    with pytest.raises(TaskNotFound):
        tasks.snapshot("c")


def test_nothing_runs_after_close_and_every_run_has_ended(make_manager: MakeManager, gate: Gate) -> None:
    tasks = make_manager(size=1)
    held = tasks.submit("hold", gate)
    gate.begun.wait(5)
    ran: list[int] = []
    waiting = tasks.submit("later", lambda handle: ran.append(1))
    assert tasks.close(0.05) is False
    assert tasks.run(held).state is RunState.LOST
    assert tasks.run(waiting).state is RunState.CANCELLED
    with pytest.raises(ManagerClosed, match="closed"):
        tasks.submit("new", gate)
    with pytest.raises(ManagerClosed):
        tasks.retry(waiting)
    gate.opened.set()
    wait_until(lambda: tasks.dropped["late_results"] == 1)
    assert tasks.run(held).state is RunState.LOST
    assert not ran


class TestRetention:
    """Ended runs are kept within bounds."""

    def test_the_newest_runs_are_kept_and_older_ones_are_said_to_be_expired(self, make_manager: MakeManager) -> None:
        tasks = make_manager(retain_runs=3)
        for i in range(10):
            tasks.submit(f"t{i}", lambda handle: None)
            tasks.wait(f"t{i}", 5)
        assert [run.task_id for run in tasks.runs()] == ["t9", "t8", "t7"]
        with pytest.raises(ResultExpired, match="RETAIN"):
            tasks.get_result("t0")
        assert tasks.dropped["runs"] == 7
        assert sum(tasks.counts().values()) == 3

    def test_a_dropped_result_keeps_its_state(self, make_manager: MakeManager) -> None:
        tasks = make_manager(retain_result_mb=1)
        for i in range(4):
            tasks.submit(f"t{i}", lambda handle: bytes(400_000))
            tasks.wait(f"t{i}", 5)
        with pytest.raises(ResultExpired, match="ended in success"):
            tasks.get_result("t0")
        record = tasks.snapshot("t0")
        assert record.state is RunState.SUCCESS
        assert record.result_expired
        assert len(tasks.get_result("t3")["data"]) == 400_000

    def test_old_runs_go_with_time(self, make_manager: MakeManager) -> None:
        from octostar_runtime.testing import ManualClock

        clock = ManualClock()
        tasks = make_manager(clock=clock, retain_hours=1)
        tasks.submit("old", lambda handle: None)
        tasks.wait("old", 5)
        clock.advance(3599)
        tasks.tick()
        assert tasks.snapshot("old").terminal
        clock.advance(2)
        tasks.tick()
        with pytest.raises(ResultExpired):
            tasks.snapshot("old")

    def test_nothing_need_be_kept(self, make_manager: MakeManager) -> None:
        tasks = make_manager(retain_runs=0)
        tasks.submit("t", lambda handle: 1)
        assert tasks.join_pool("default", 5)
        with pytest.raises(KeyError):
            tasks.get_result("t")


class TestRetryOfARun:
    """Running an ended run again."""

    def test_with_the_same_function_arguments_and_options(self, tasks: TaskManager) -> None:
        run_id = tasks.submit("t", lambda handle, a: a, {"a": 7}, name="T", tags=["x"], priority=3)
        tasks.wait("t", 5)
        again = tasks.retry(run_id)
        assert tasks.wait_run(again, 5)
        record = tasks.run(again)
        assert (record.retry_of, record.name, record.tags, record.priority) == (run_id, "T", ("x",), 3)
        assert tasks.get_result("t")["data"] == 7

    def test_is_refused_while_it_runs(self, tasks: TaskManager, gate: Gate) -> None:
        from octostar_runtime.errors import NotRetriable

        run_id = tasks.submit("t", gate)
        gate.begun.wait(5)
        with pytest.raises(NotRetriable, match="running"):
            tasks.retry(run_id)

    def test_is_refused_with_the_reason_when_the_closure_was_let_go(self, tasks: TaskManager) -> None:
        from octostar_runtime.errors import NotRetriable

        first = tasks.submit("first", lambda handle: None)
        tasks.wait("first", 5)
        for i in range(1_001):
            tasks.submit(f"t{i}", lambda handle: None)
        tasks.join_pool("default", 10)
        assert not tasks.run(first).retriable
        with pytest.raises(NotRetriable, match="newest"):
            tasks.retry(first)


class TestChanges:
    """What a publisher drains."""

    def test_each_changed_run_comes_once_as_it_is_now(self, tasks: TaskManager) -> None:
        tasks.submit("before", lambda handle: None)
        tasks.wait("before", 5)
        assert [record.task_id for record in tasks.drain_changes()] == ["before"]
        assert tasks.drain_changes() == []
        tasks.submit("t", lambda handle: handle.progress(0.5))
        tasks.wait("t", 5)
        (record,) = tasks.drain_changes()
        assert record.state is RunState.SUCCESS
        assert tasks.drain_changes() == []

    def test_many_come_in_pieces_each_once_and_as_it_is_when_it_comes(self, tasks: TaskManager, gate: Gate) -> None:
        for number in range(5):
            tasks.submit(f"before{number}", lambda handle: None)
        tasks.join_pool("default", 10)
        first = tasks.drain_changes(2)  # all are due, and those behind the first piece wait
        held = tasks.submit("held", gate)
        assert gate.begun.wait(10)
        rest = [record for _ in range(4) for record in tasks.drain_changes(2)]
        assert [r.task_id for r in (*first, *rest)] == [*(f"before{number}" for number in range(5)), "held"]
        assert rest[-1].state is RunState.RUNNING
        gate.opened.set()
        tasks.wait("held", 5)
        assert [(r.run_id, r.state) for r in tasks.drain_changes(2)] == [(held, RunState.SUCCESS)]

    def test_a_listener_is_called_when_there_is_something_to_drain(self, tasks: TaskManager) -> None:
        calls: list[int] = []

        def listen() -> None:
            calls.append(1)
            raise RuntimeError("a listener's error harms nobody")

        undo = tasks.on_change(listen)
        tasks.drain_changes()
        tasks.submit("t", lambda handle: None)
        tasks.wait("t", 5)
        assert calls
        undo()
        tasks.drain_changes()
        count = len(calls)
        tasks.submit("u", lambda handle: None)
        tasks.wait("u", 5)
        assert len(calls) == count

    def test_the_sequence_number_grows_with_each_change(self, tasks: TaskManager, gate: Gate) -> None:
        def work(handle: Any) -> None:
            for step in range(5):
                handle.progress(step / 5)
                handle.log.info("step %d", step)
                sequence.append(tasks.run(handle.run_id).seq)

        sequence: list[int] = []
        run_id = tasks.submit("t", work)
        tasks.wait("t", 5)
        sequence.append(tasks.run(run_id).seq)
        assert sequence == sorted(set(sequence))


def test_a_scope_keeps_the_ids_of_sessions_apart(tasks: TaskManager) -> None:
    tasks.submit("mine", lambda handle: "a", session_id="a", scope="session")
    tasks.submit("mine", lambda handle: "b", session_id="b", scope="session")
    tasks.join_pool("default", 5)
    with pytest.raises(TaskNotFound):
        tasks.get_result("mine")
    with pytest.raises(InvalidInput, match="session_id"):
        tasks.get_result("mine", scope="session")
    from octostar_runtime.tasks import SessionContext, install_session_provider

    install_session_provider(lambda: SessionContext(session_id="a", user="ada"))
    try:
        assert tasks.get_result("mine", scope="session")["data"] == "a"
        tasks.submit("known", lambda handle: (handle.session_id, handle.user))
        tasks.wait("known", 5)
        assert tasks.get_result("known")["data"] == ("a", "ada")
    finally:
        install_session_provider(None)
