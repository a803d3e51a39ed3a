"""What an ``AsyncTaskManager`` must show, case by case, run in a child: ``python -m …cases IMPLEMENTATION CASE``.

Each case is named by the row of the reference's defects it belongs to; it raises when the contract does not hold, and
a watchdog ends the child when it hangs.
"""

import contextlib
import contextvars
import gc
import importlib
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

MODULES = {
    "reference": "streamlit_octostar_utils.threading.async_task_manager",
    "ours": "octostar_runtime.threading.async_task_manager",
}
LIMITS_S = {"reference": 6.0, "ours": 40.0}
NAMES = {"INIT": 0, "IN_PROGRESS": 1, "CANCELLING": 2, "SUCCESS": 10, "ERROR": 11, "CANCELLED": 12}
Case = Callable[[Any], None]
CASES: dict[str, Case] = {}


def case(fn: Case) -> Case:
    CASES[fn.__name__] = fn
    return fn


def until(condition: Callable[[], object], what: str, timeout_s: float = 3.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.002)


def status(manager: Any, task_id: str) -> str:
    return str(manager.get_result(task_id)["status"].name)


@case
def api(M: Any) -> None:
    """The calls, names and numbers of the API, and the life of an ordinary task."""
    assert M.max_workers == 10
    assert {member.name: member.value for member in M.TaskStatus} == NAMES
    manager = M(2)
    assert manager.max_workers == 2
    go = threading.Event()

    def work(task_data: Any, a: int) -> int:
        assert task_data.task_id == "t"
        assert not task_data.cancel_event.is_set()
        task_data.output(M.TaskStatus.IN_PROGRESS, {"partial": a})
        go.wait(3)
        return a + 1

    assert manager.submit("t", work, {"a": 1}) is True
    until(
        lambda: manager.get_result("t") == {"id": "t", "status": M.TaskStatus.IN_PROGRESS, "data": {"partial": 1}}, ""
    )
    go.set()
    manager.join("t")
    assert manager.get_result("t") == {"id": "t", "status": M.TaskStatus.SUCCESS, "data": 2}
    manager.join("unknown")
    assert manager.cancel("unknown") is False
    with contextlib.suppress(KeyError):
        manager.get_result("unknown")
        raise AssertionError("an unknown id must be a KeyError")
    assert M.get_handler("x") is M.get_handler("x")
    assert M.get_handler("x") is not M.get_handler("y")


@case
def cooperative_cancel(M: Any) -> None:
    """A running task gets CancelledError at its next output and keeps its last partial result."""
    manager = M(2)

    def work(task_data: Any) -> None:
        while True:
            task_data.output(M.TaskStatus.IN_PROGRESS, "partial")
            time.sleep(0.005)

    manager.submit("t", work)
    until(lambda: manager.get_result("t")["data"] == "partial", "the partial result")
    assert manager.cancel("t") is True
    until(lambda: status(manager, "t") == "CANCELLED", "the end")
    assert manager.get_result("t")["data"] == "partial"


@case
def errors_are_data(M: Any) -> None:
    """The exception of a failed task is its data."""
    manager = M(1)
    manager.submit("t", lambda task_data: 1 / 0)
    until(lambda: status(manager, "t") == "ERROR", "the error")
    assert isinstance(manager.get_result("t")["data"], ZeroDivisionError)


@case
def a01_workers_survive_cancels(M: Any) -> None:
    manager = M(3)
    for i in range(3_000 if M.__module__.startswith("streamlit_octostar_utils") else 100_000):
        manager.submit(f"t{i % 50}", lambda task_data: None)
        manager.cancel(f"t{(i * 7) % 50}")
    manager.submit("last", lambda task_data: 1)
    until(lambda: status(manager, "last") == "SUCCESS", "a run after all the cancels")
    until(lambda: all(manager.get_result(f"t{i}")["status"].value >= 10 for i in range(50)), "the end of every task")


@case
def a02_a_queued_task_is_cancelled_at_once(M: Any) -> None:
    manager, go = M(1), threading.Event()
    manager.submit("hold", lambda task_data: go.wait(3))
    time.sleep(0.1)
    manager.submit("t", lambda task_data: None)
    assert manager.cancel("t")
    assert status(manager, "t") == "CANCELLED"
    go.set()


@case
def a03_submit_of_a_running_id_returns_at_once(M: Any) -> None:
    manager, go = M(2), threading.Event()
    manager.submit("t", lambda task_data: go.wait(2))
    time.sleep(0.1)
    started = time.perf_counter()
    manager.submit("t", lambda task_data: "new")
    assert time.perf_counter() - started < 0.5
    until(lambda: manager.get_result("t")["data"] == "new", "the new result")
    go.set()
    time.sleep(0.1)
    assert manager.get_result("t")["data"] == "new"


@case
def a04_a_task_may_resubmit_its_own_id(M: Any) -> None:
    manager = M(2)

    def first(task_data: Any) -> None:
        manager.submit("t", lambda task_data: "second")

    manager.submit("t", first)
    until(lambda: manager.get_result("t")["data"] == "second", "the second run")


@case
def a05_errors_keep_no_frames(M: Any) -> None:
    manager = M(1)

    class Big:
        pass

    kept: list[Any] = []

    def fail(task_data: Any) -> None:
        big = Big()
        kept.append(weakref.ref(big))
        raise ValueError(id(big))

    manager.submit("t", fail)
    until(lambda: status(manager, "t") == "ERROR", "the error")
    time.sleep(0.05)
    gc.collect()
    assert kept[0]() is None


@case
def a05b_results_are_bounded_and_an_expired_one_says_so(M: Any) -> None:
    manager = M(2)
    for i in range(300):
        manager.submit(f"t{i}", lambda task_data: bytes(1_000_000))
    for i in range(300):  # the one submitted last need not be the last to end
        manager.join(f"t{i}")
    kept, expired = 0, None
    for i in range(300):
        try:
            result = manager.get_result(f"t{i}")
        except KeyError as error:
            expired = error
            continue
        assert result["data"] is not None, "SUCCESS without its result"
        kept += 1
    assert kept * 1_000_000 <= 256 * 2**20, f"{kept} MB are kept"
    assert type(expired).__name__ == "ResultExpired"
    assert "success" in str(expired), "its state is not told"


@case
def a06_the_interpreter_exits(M: Any) -> None:
    manager = M(2)
    manager.submit("t", lambda task_data: time.sleep(60))
    time.sleep(0.05)
    # the runner returns from here; only a clean exit within the limit is a pass


@case
def a07_a_state_never_goes_back(M: Any) -> None:
    manager = M(1)
    manager.submit("t", lambda task_data: 1)
    until(lambda: status(manager, "t") == "SUCCESS", "the result")
    time.sleep(0.05)
    assert manager.cancel("t") is False
    with contextlib.suppress(RuntimeError):
        manager.output("t", M.TaskStatus.IN_PROGRESS, "late")
    assert status(manager, "t") == "SUCCESS"
    begun, go = threading.Event(), threading.Event()

    def hold(task_data: Any) -> None:
        begun.set()
        go.wait(3)

    manager.submit("hold", hold)
    assert begun.wait(2)
    manager.cancel("hold")
    seen = set()
    for _ in range(50):
        seen.add(status(manager, "hold"))
        time.sleep(0.001)
    assert seen == {"CANCELLING"}
    go.set()


@case
def a08_each_submission_is_a_run(M: Any) -> None:
    for _ in range(30):
        manager = M(4)
        threads = [threading.Thread(target=manager.submit, args=("t", lambda task_data: None)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2)
        until(lambda: manager.get_result("t")["status"].value >= 10, "the end")  # noqa: B023
        assert status(manager, "t") == "SUCCESS"


@case
def a09_a_task_cannot_declare_its_end(M: Any) -> None:
    manager, raised = M(1), []

    def work(task_data: Any) -> None:
        for bad in (M.TaskStatus.SUCCESS, "nonsense", 10):
            try:
                task_data.output(bad, "x")
            except ValueError as error:
                raised.append(error)

    manager.submit("t", work)
    until(lambda: manager.get_result("t")["status"].value >= 10, "the end")
    assert len(raised) == 3


@case
def a10_arguments_in_and_results_out_are_copies(M: Any) -> None:
    manager, go = M(1), threading.Event()
    manager.submit("hold", lambda task_data: go.wait(3))
    time.sleep(0.05)
    kwargs = {"a": 1}
    manager.submit("t", lambda task_data, a: [a], kwargs)
    kwargs["a"] = 2
    go.set()
    until(lambda: status(manager, "t") == "SUCCESS", "the result")
    assert manager.get_result("t")["data"] == [1]
    manager.get_result("t")["data"].append(9)
    manager.get_result("t")["status"] = None
    assert manager.get_result("t") == {"id": "t", "status": M.TaskStatus.SUCCESS, "data": [1]}


@contextlib.contextmanager
def acting_for(M: Any, session: str) -> Iterator[None]:
    """Submit on behalf of a session, as a script run of Streamlit does. The reference knows no sessions."""
    if not M.__module__.startswith("octostar_runtime"):
        yield
        return
    from octostar_runtime.tasks import SessionContext, install_session_provider

    install_session_provider(lambda: SessionContext(session_id=session, user=f"user of {session}"))
    try:
        yield
    finally:
        install_session_provider(None)


@case
def a11_sessions_may_have_ids_of_their_own(M: Any) -> None:
    manager, shared = M(2, per_session=True), M(2)
    for session in ("a", "b"):
        with acting_for(M, session):
            manager.submit("report", lambda task_data, of: of, {"of": session})
            manager.join("report")
    for session in ("a", "b"):
        with acting_for(M, session):
            assert manager.get_result("report")["data"] == session
    with acting_for(M, "c"), contextlib.suppress(KeyError):
        manager.get_result("report")
        raise AssertionError("a third user sees a result of others")
    with acting_for(M, "a"):
        shared.submit("report", lambda task_data: "everybody's")
        shared.join("report")
    with acting_for(M, "b"):
        assert shared.get_result("report")["data"] == "everybody's"


@case
def a12_a_broad_except_does_not_swallow_a_cancel(M: Any) -> None:
    manager, begun = M(1), threading.Event()

    def work(task_data: Any) -> str:
        for _ in range(400):
            begun.set()
            try:
                task_data.output(M.TaskStatus.IN_PROGRESS, None)
                time.sleep(0.005)
            except Exception:  # noqa: BLE001
                return "swallowed"
        return "never cancelled"

    manager.submit("t", work)
    assert begun.wait(2)
    manager.cancel("t")
    until(lambda: manager.get_result("t")["status"].value >= 10, "the end")
    assert status(manager, "t") == "CANCELLED"


@case
def a13_an_exit_in_a_task_is_an_error_of_its_type(M: Any) -> None:
    manager = M(1)

    def leave(task_data: Any) -> None:
        sys.exit(3)

    manager.submit("t", leave)
    until(lambda: status(manager, "t") == "ERROR", "the error")
    assert isinstance(manager.get_result("t")["data"], SystemExit)
    manager.submit("next", lambda task_data: 1)
    until(lambda: status(manager, "next") == "SUCCESS", "the next task")


@case
def a13b_no_finished_task_stays_unfinished(M: Any) -> None:
    manager = M(10)
    for i in range(30_000):
        manager.submit(f"t{i}", lambda task_data: None)
    until(lambda: manager.get_result("t29999")["status"].value >= 10, "the last", 5)
    time.sleep(0.3)
    assert all(manager.get_result(f"t{i}")["status"].value == 10 for i in range(30_000))


@case
def a14_submitting_after_join_all_is_an_error(M: Any) -> None:
    manager = M(1)
    manager.submit("t", lambda task_data: 1)
    manager.join_all()
    try:
        manager.submit("late", lambda task_data: 1)
    except RuntimeError as error:
        assert "closed" in str(error)  # noqa: PT017
    else:
        raise AssertionError("the submit was accepted and would never run")
    assert status(manager, "t") == "SUCCESS"


@case
def a15_clearing_the_cache_keeps_the_manager(M: Any) -> None:
    import streamlit as st

    counts = []
    manager = M.get_handler("job")
    manager.submit("t", lambda task_data: 1)
    until(lambda: status(manager, "t") == "SUCCESS", "the result")
    for _ in range(3):
        st.cache_resource.clear()
        M.get_handler.clear()
        again = M.get_handler("job")
        again.submit("u", lambda task_data: 1)
        until(lambda: status(again, "u") == "SUCCESS", "the result")  # noqa: B023
        counts.append(threading.active_count())
        assert status(again, "t") == "SUCCESS"
    assert counts[0] == counts[-1]


@case
def a16_a_pool_without_workers_is_refused(M: Any) -> None:
    for size in (0, -1):
        try:
            M(size)
        except ValueError as error:
            assert "1" in str(error)  # noqa: PT017
        else:
            raise AssertionError(f"{size} workers were accepted")


@case
def a17_taking_from_a_long_queue_is_cheap(M: Any) -> None:
    manager, go = M(1), threading.Event()
    manager.submit("hold", lambda task_data: go.wait(10))
    time.sleep(0.05)
    for i in range(20_000):
        manager.submit(f"t{i}", lambda task_data: None)
    go.set()
    started = time.perf_counter()
    until(lambda: manager.get_result("t4999")["status"].value >= 10, "the 5,000th", 5)
    assert time.perf_counter() - started < 0.4


@case
def a18_one_users_tasks_do_not_hold_up_anothers(M: Any) -> None:
    manager, order = M(1), []
    go = threading.Event()
    with acting_for(M, "a"):
        manager.submit("hold", lambda task_data: go.wait(3))
        time.sleep(0.05)
        for i in range(20):
            manager.submit(f"a{i}", lambda task_data: order.append("a"))
    with acting_for(M, "b"):
        manager.submit("b", lambda task_data: order.append("b"))
    go.set()
    until(lambda: manager.get_result("b")["status"].value >= 10, "the other user's task")
    until(lambda: "b" in order, "the other user's task")
    assert order.index("b") <= 1


@case
def a19_an_idle_manager_does_not_wake_up(M: Any) -> None:
    manager = M(10)
    manager.submit("t", lambda task_data: 1)
    until(lambda: status(manager, "t") == "SUCCESS", "the result")
    time.sleep(0.3)

    def switches() -> int:
        return sum(
            int(line.split()[1])
            for task in os.listdir("/proc/self/task")  # noqa: PTH208
            if int(task) != threading.main_thread().native_id
            for line in open(f"/proc/self/task/{task}/status")  # noqa: PTH123
            if line.startswith("voluntary_ctxt")
        )

    def switches_in_a_second() -> int:
        before = switches()
        time.sleep(1)
        return switches() - before

    def answer_s() -> float:
        started = time.perf_counter()
        manager.submit("u", lambda task_data: 1)
        manager.join("u")
        return time.perf_counter() - started

    # the best of a few: on a busy machine others make a thread wait, and wait again
    assert min(switches_in_a_second() for _ in range(3)) <= 2
    assert min(answer_s() for _ in range(5)) < 0.01


@case
def a21b_a_task_knows_its_session(M: Any) -> None:
    manager = M(1)
    with acting_for(M, "s"):
        manager.submit("t", lambda task_data: (task_data.session_id, task_data.user))
    until(lambda: manager.get_result("t")["status"].value >= 10, "the end")
    assert manager.get_result("t")["data"] == ("s", "user of s")


@case
def a20_importing_changes_no_logging(M: Any) -> None:
    assert not [handler for handler in logging.root.handlers if type(handler) is logging.StreamHandler]


@case
def a21_context_variables_are_carried(M: Any) -> None:
    variable = contextvars.ContextVar("variable", default="lost")
    variable.set("carried")
    manager = M(1)
    manager.submit("t", lambda task_data: variable.get())
    until(lambda: status(manager, "t") == "SUCCESS", "the result")
    assert manager.get_result("t")["data"] == "carried"


def main() -> None:
    implementation, name = sys.argv[1:]
    threading.excepthook = lambda _: None
    module = importlib.import_module(MODULES[implementation])
    watchdog = threading.Timer(LIMITS_S[implementation], os._exit, args=(3,))
    watchdog.daemon = True
    watchdog.start()
    try:
        CASES[name](module.AsyncTaskManager)
    except BaseException as error:  # noqa: BLE001
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    if name != "a06_the_interpreter_exits":
        os._exit(0)


if __name__ == "__main__":
    main()
