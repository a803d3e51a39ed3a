"""What ended runs hold is bounded by bytes, whatever holds it; and cancels that meet a time limit."""

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from octostar_runtime.errors import InvalidInput, ManagerClosed, NotRetriable, QueueFull, ResultExpired
from octostar_runtime.models.runs import CancelOutcome, RunState, TaskStatus
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks import SessionContext, TaskManager, install_session_provider, task
from octostar_runtime.tasks.pool_picture import PoolPicture
from octostar_runtime.testing import ManualClock, wait_until
from tests.unit.tasks.conftest import Gate, MakeManager

BIG = 400_000


def held(tasks: TaskManager) -> int:
    return tasks._book.held_bytes


@task
def registered(handle: Any, text: str) -> None:
    """A function whose arguments are kept as JSON as well."""


class TestBytes:
    """``retain_result_mb`` bounds everything that ended runs hold."""

    def test_partial_results_of_cancelled_runs_count(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1, retain_result_mb=1)

        def work(handle: Any) -> None:
            handle.output(TaskStatus.IN_PROGRESS, bytes(BIG))
            handle.sleep(60)

        for number in range(4):
            tasks.submit(f"t{number}", work)
            wait_until(lambda n=number: tasks.get_result(f"t{n}")["data"] is not None)  # type: ignore[misc]
            assert tasks.snapshot(f"t{number}").result_bytes is not None
            tasks.cancel(f"t{number}")
            assert tasks.wait(f"t{number}", 5)
        with pytest.raises(ResultExpired, match="ended in cancelled"):
            tasks.get_result("t0")
        assert len(tasks.get_result("t3")["data"]) == BIG
        assert held(tasks) <= 2**20
        assert tasks.dropped["results"] == 2

    def test_so_do_what_exceptions_carry(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1, retain_result_mb=1)

        def work(handle: Any) -> None:
            raise ValueError(bytes(BIG))

        for number in range(4):
            tasks.submit(f"t{number}", work)
            assert tasks.wait(f"t{number}", 5)
        with pytest.raises(ResultExpired, match="ended in error"):
            tasks.get_result("t0")
        assert tasks.snapshot("t0").error_type == "ValueError"
        assert held(tasks) <= 2**20

    def test_so_do_logs(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1, retain_result_mb=1)

        def work(handle: Any) -> None:
            for _ in range(150):
                handle.log.info("x" * 1_900)

        for number in range(6):
            tasks.submit(f"t{number}", work)
            assert tasks.wait(f"t{number}", 5)
        first, last = tasks.snapshot("t0"), tasks.snapshot("t5")
        assert (len(first.logs), first.logs_dropped) == (0, 150)
        assert (len(last.logs), last.logs_dropped) == (150, 0)
        assert first.state is RunState.SUCCESS
        assert tasks.get_result("t0")["data"] is None  # it returned None, and that is kept
        assert tasks.dropped["details"] == 3

    def test_arguments_and_closures_kept_for_a_retry_have_a_bound_too(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1, retain_result_mb=1)

        def closure(content: bytes) -> Any:
            return lambda handle: len(content)

        ids = [tasks.submit(f"a{i}", lambda handle, content: 1, {"content": bytes(BIG)}) for i in range(3)]
        ids += [tasks.submit(f"c{i}", closure(bytes(BIG))) for i in range(3)]
        assert tasks.join_pool("default", 5)
        assert [tasks.run(run_id).retriable for run_id in ids] == [False] * 4 + [True] * 2
        assert tasks._book.call_bytes <= 2**20
        with pytest.raises(NotRetriable, match="RETAIN_RESULT_MB"):
            tasks.retry(ids[0])
        assert tasks.get_result("c0")["data"] == BIG

    def test_json_of_arguments_counts(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1, retain_result_mb=1)
        ids = [tasks.submit(f"t{i}", registered, {"text": "x" * 60_000}) for i in range(40)]
        assert tasks.join_pool("default", 5)
        assert held(tasks) <= 2**20
        assert tasks.portable_arguments(ids[0]) is None
        assert tasks.portable_arguments(ids[-1]) is not None

    def test_dropped_runs_give_back_what_they_held(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1, retain_runs=2)
        for number in range(6):
            tasks.submit(f"t{number}", lambda handle: bytes(1_000))
            assert tasks.wait(f"t{number}", 5)
        assert 2_000 < held(tasks) < 3_000

    def test_runs_that_wait_for_another_try_count_as_waiting(self, make_manager: MakeManager) -> None:
        tasks = make_manager(pools={"default": PoolSettings(size=1, queue_limit=3)})
        for number in range(3):
            tasks.submit(f"t{number}", lambda handle: 1 / 0, retries=1, backoff_s=60)
        wait_until(lambda: tasks.pools()[0].waiting_retry == 3)
        with pytest.raises(QueueFull):
            tasks.submit("more", lambda handle: None)


class TestFilingIsPutOff:
    """Ended runs are measured and filed some at a time; nobody who reads notices."""

    @pytest.mark.parametrize("view", ["counts", "runs", "by id", "by task", "pool", "changes", "forgotten", "adopted"])
    def test_whoever_reads_first_finds_everything_that_has_ended(self, make_manager: MakeManager, view: str) -> None:
        tasks = make_manager(size=2)
        ids = [tasks.submit(f"t{number}", registered, {"text": "x"}, session="s", user="ada") for number in range(5)]
        assert all(tasks.wait(f"t{number}", 5) for number in range(5))
        seen: dict[str, Any] = {
            "counts": lambda: tasks.counts()[RunState.SUCCESS],
            "runs": lambda: len([run for run in tasks.runs() if run.state is RunState.SUCCESS]),
            "by id": lambda: len([run_id for run_id in ids if tasks.run(run_id).terminal]),
            "by task": lambda: len([tasks.get_result(f"t{number}") for number in range(5)]),
            "pool": lambda: tasks.pools()[0].run.count,
            "changes": lambda: len(tasks.drain_changes()),
            "forgotten": lambda: tasks.forget_person("ada"),
            "adopted": lambda: tasks.adopt("s", "other") + len(tasks.runs()),
        }
        assert seen[view]() == 5

    def test_no_more_than_a_few_dozen_wait(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=2)
        for number in range(200):
            tasks.submit(f"t{number}", lambda handle: None)
        assert tasks.join_pool("default", 10)
        assert len(tasks._book.unfiled) < 32
        assert len(tasks._book.ended) > 160

    def test_what_is_large_does_not_wait(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1)
        tasks.submit("t", lambda handle: bytes(BIG))
        assert tasks.wait("t", 5)
        wait_until(lambda: not tasks._pools["default"].executing())
        with tasks._lock:
            assert tasks._book.held_bytes > BIG


class TestCancelsThatMeetATimeLimit:
    """A run whose limit has struck is tried again only when nobody wants it to stop."""

    @pytest.fixture
    def timed_out(self, make_manager: MakeManager, gate: Gate) -> tuple[TaskManager, str]:
        clock = ManualClock()
        tasks = make_manager(size=1, clock=clock)
        run_id = tasks.submit("t", gate, timeout_s=5, retries=3, backoff_s=0)
        assert gate.begun.wait(5)
        clock.advance(6)
        tasks.tick()
        assert tasks.run(run_id).state is RunState.CANCELLING
        return tasks, run_id

    def test_a_cancel_leaves_no_further_attempt(self, timed_out: tuple[TaskManager, str], gate: Gate) -> None:
        tasks, run_id = timed_out
        assert tasks.cancel("t", reason="not wanted", by="ada")
        gate.opened.set()
        assert tasks.wait_run(run_id, 5)
        record = tasks.run(run_id)
        assert (record.state, record.attempt) == (RunState.TIMED_OUT, 1)
        assert record.cancel is not None
        assert record.cancel.by == "ada"
        assert "not wanted" in record.cancel.reason

    def test_nor_does_a_newer_submission(self, timed_out: tuple[TaskManager, str], gate: Gate) -> None:
        tasks, run_id = timed_out
        tasks.submit("t", lambda handle: "new")
        gate.opened.set()
        assert tasks.wait("t", 5)
        assert tasks.wait_run(run_id, 5)
        assert tasks.run(run_id).attempt == 1
        assert tasks.get_result("t")["data"] == "new"

    def test_without_either_it_is_tried_again(self, timed_out: tuple[TaskManager, str], gate: Gate) -> None:
        tasks, run_id = timed_out
        gate.opened.set()
        assert tasks.wait_run(run_id, 5)
        record = tasks.run(run_id)
        assert (record.state, record.attempt) == (RunState.SUCCESS, 2)

    def test_a_thread_given_up_on_is_told_as_timed_out_and_not_as_stopped(
        self, timed_out: tuple[TaskManager, str]
    ) -> None:
        tasks, run_id = timed_out
        assert tasks.hard_stop(run_id)  # the gate waits in C code
        assert tasks.hard_stop(run_id)
        record = tasks.run(run_id)
        assert record.state is RunState.TIMED_OUT
        assert record.orphaned
        assert record.cancel is not None
        assert record.cancel.outcome is CancelOutcome.IGNORED


def test_a_message_that_calls_the_manager_does_not_hang_it(tasks: TaskManager) -> None:
    class Curious:
        def __str__(self) -> str:
            return f"{len(tasks.runs())} run"

    tasks.submit("t", lambda handle: handle.progress(0.5, Curious()))
    assert tasks.wait("t", 5)
    assert tasks.snapshot("t").message == "1 run"


@pytest.mark.parametrize("as_a", ["result", "partial result", "argument"])
def test_an_object_whose_end_calls_the_manager_hangs_nobody(make_manager: MakeManager, as_a: str) -> None:
    tasks = make_manager(size=1, retain_runs=1)
    ended = threading.Event()

    class Parting:
        def __del__(self) -> None:
            tasks.runs()
            ended.set()

    def work(handle: Any, given: Any = None) -> Any:
        if as_a == "partial result":
            handle.progress(0.5, partial=Parting())
            handle.progress(0.6, partial=None)
        return Parting() if as_a == "result" else None

    tasks.submit("t", work, {"given": Parting()} if as_a == "argument" else None)
    assert tasks.wait("t", 5)
    for number in range(3):
        tasks.submit(f"other{number}", lambda handle: None)
        assert tasks.wait(f"other{number}", 5)
    assert ended.wait(5)


class TestLongQueues:
    """What the console reads once a second costs little however much waits."""

    def test_the_newest_live_runs_are_listed_without_walking_the_queue(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=1)
        first = Gate()
        tasks.submit("runs", first, session_id="s0")
        assert first.begun.wait(5)
        for number in range(30_000):
            tasks.submit(f"t{number}", lambda handle: None, session_id=f"s{number % 7}", priority=number % 3)
        started = time.thread_time()
        listed = tasks.runs(500)
        taken = time.thread_time() - started
        assert taken < 0.2  # 500 records; the whole queue would take a second
        assert [run.task_id for run in listed] == [f"t{number}" for number in range(29_999, 29_500, -1)] + ["runs"]
        tasks.cancel_pool("default")
        first.opened.set()

    def test_a_pool_is_pictured_quickly_with_a_quarter_of_an_hour_behind_it(self, make_manager: MakeManager) -> None:
        clock = ManualClock()
        tasks = make_manager(size=4, clock=clock, retain_runs=100)
        for second in range(900):
            for number in range(8):
                tasks.submit(f"{second}-{number}", lambda handle: None)
            assert tasks.join_pool("default", 5)
            clock.advance(1)
        pool = tasks._pools["default"]
        started = time.thread_time()
        with tasks._lock:
            picture = PoolPicture(pool, "n", clock.monotonic(), clock.time())
        assert time.thread_time() - started < 0.01  # what other threads wait for
        record = picture.record()
        assert record.run.count == 900 * 8
        assert record.run.p50_s == 0.0
        assert len(pool.workers[0].meter._when) < 4_000


class TestThreadsThatCannotStart:
    """The system may refuse another thread."""

    def test_the_pool_goes_on_with_those_it_has_and_tries_again(
        self, make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks = make_manager(size=3)
        refuse, start, room = True, threading.Thread.start, [1]

        def limited(thread: threading.Thread) -> None:
            if refuse and thread.name.startswith("octostar-default"):
                if not room[0]:
                    raise RuntimeError("can't start new thread")
                room[0] -= 1
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)
        tasks.submit("a", lambda handle: 1)
        assert tasks.wait("a", 5)
        assert len(tasks.pools()[0].workers) == 1
        refuse = False
        tasks.submit("b", lambda handle: 1)
        assert tasks.wait("b", 5)
        assert len(tasks.pools()[0].workers) == 3

    def test_without_a_single_one_the_submit_says_so_and_the_next_may_succeed(
        self, make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks = make_manager(size=3)
        start = threading.Thread.start

        def refused(thread: threading.Thread) -> None:
            if thread.name.startswith("octostar-default"):
                raise RuntimeError("can't start new thread")
            start(thread)

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            with pytest.raises(ManagerClosed, match="thread"):
                tasks.submit("a", lambda handle: 1)
        assert not tasks.runs()
        tasks.submit("a", lambda handle: 1)
        assert tasks.wait("a", 5)


class TestNamesOfOptions:
    """``session`` and ``timeout``, and what records call them."""

    def test_a_session_and_a_timeout_by_their_short_names(self, tasks: TaskManager) -> None:
        run_id = tasks.submit("t", lambda handle: handle.session_id, session="s", timeout=timedelta(minutes=1))
        assert tasks.wait("t", 5)
        assert tasks.get_result("t")["data"] == "s"
        assert tasks.run(run_id).timeout_s == 60

    @pytest.mark.parametrize(
        "options",
        [
            {"timeout": 1, "timeout_s": 1}, {"timeout": 0}, {"timeout": timedelta(0)}, {"timeout": "1"},
            {"session": "a", "session_id": "a"}, {"session": ""}, {"session": 3}, {"tags": ["x" * 101]}, {"scope": ""},
        ],
    )  # fmt: skip
    def test_two_of_one_and_what_makes_no_sense_are_refused(self, tasks: TaskManager, options: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            tasks.submit("t", lambda handle: None, **options)
        assert not tasks.runs()

    def test_a_session_may_have_several_scopes_and_hands_them_all_over(self, tasks: TaskManager) -> None:
        for scope in ("session", "session:reports"):
            tasks.submit("t", lambda handle, of: of, {"of": scope}, session="old", scope=scope)
        assert tasks.join_pool("default", 5)
        tasks.adopt("old", "new")
        install_session_provider(lambda: SessionContext(session_id="new"))
        try:
            for scope in ("session", "session:reports"):
                assert tasks.get_result("t", scope=scope)["data"] == scope
        finally:
            install_session_provider(None)


def test_a_hard_stop_reaches_a_coroutine_that_swallows_its_cancellation(make_manager: MakeManager) -> None:
    tasks = make_manager(size=1)
    begun = threading.Event()
    swallowed: list[int] = []

    async def deaf(handle: Any) -> None:
        while not swallowed:
            try:
                begun.set()
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed.append(1)
        await asyncio.sleep(60)

    run_id = tasks.submit("t", deaf)
    assert begun.wait(5)
    tasks.cancel("t")
    wait_until(lambda: swallowed)
    assert tasks.hard_stop(run_id)
    assert tasks.wait("t", 4)  # long before its thread would be given up
    record = tasks.run(run_id)
    assert (record.state, record.hard_stopped, record.orphaned) == (RunState.CANCELLED, True, False)
