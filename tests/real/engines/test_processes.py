"""What only a pool of processes can do, and what may befall it, with real processes and real signals."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from octostar_runtime.errors import WorkerDied
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.tasks.engines.processes.child import Child
from octostar_runtime.tasks.engines.processes.engine import ProcessEngine
from octostar_runtime.testing import wait_until
from tests.real.engines import work
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = pytest.mark.real
HERE = Path(__file__).parent
LONG_S = 30.0


@pytest.fixture
def tasks() -> Iterator[TaskManager]:
    """A manager with two processes."""
    manager = TaskManager(node_id="n1", settings=Settings(pools={"default": PoolSettings(size=2, engine="process")}))
    yield manager
    manager.close(5.0)


def engine_of(tasks: TaskManager) -> ProcessEngine:
    engine: Any = tasks._pools["default"].engine
    assert isinstance(engine, ProcessEngine)
    return engine


def ended(tasks: TaskManager, task_id: str = "t") -> Any:
    assert tasks.wait(task_id, LONG_S), f"{task_id} has not ended: {tasks.snapshot(task_id)}"
    return tasks.snapshot(task_id)


def partial(tasks: TaskManager, task_id: str = "t") -> Any:
    """Wait for a task's first partial result."""
    return wait_until(lambda: tasks.get_result(task_id)["data"], what="a partial result", timeout_s=LONG_S)


def runs(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def wait_gone(*pids: int) -> None:
    wait_until(lambda: not [pid for pid in pids if runs(pid)], what=f"the end of {pids}", timeout_s=10)


def test_a_hard_stop_kills_what_heeds_nothing_and_its_slot_is_free_at_once(tasks: TaskManager) -> None:
    tasks.resize("default", 1)
    run_id = tasks.submit("t", work.stubborn)
    pids = partial(tasks)
    time.sleep(0.3)
    tasks.cancel("t")
    tasks.submit("next", work.pid_of)
    assert not tasks.wait("t", 0.3)
    assert tasks.hard_stop(run_id, by="ada")
    record = ended(tasks)
    assert (record.state, record.hard_stopped, record.orphaned) == (RunState.CANCELLED, True, False)
    assert record.cpu_s > 0.1
    assert tasks.get_result("t")["data"] == pids
    wait_gone(*pids)
    assert ended(tasks, "next").state is RunState.SUCCESS
    assert tasks.pools()[0].orphaned_total == 0


@pytest.mark.parametrize(
    ("fn", "text", "signal_name"),
    [
        (work.kill_myself, "was killed by SIGKILL, as the system does when memory runs out", "SIGKILL"),
        (work.segfault, "was killed by SIGSEGV", "SIGSEGV"),
        (work.leave, "ended with exit code 7", None),
    ],
    ids=["SIGKILL", "segfault", "os._exit"],
)
def test_a_worker_that_dies_is_told_as_what_it_is_and_harms_no_other(
    tasks: TaskManager, fn: Callable[..., Any], text: str, signal_name: str | None
) -> None:
    tasks.submit("neighbour", lambda task: task.sleep(1.5) or "fine")
    tasks.submit("t", fn)
    record = ended(tasks)
    assert record.state is RunState.ERROR
    assert record.error_type == "octostar_runtime.errors.WorkerDied"
    assert text in record.error
    assert record.worker in record.error
    error = tasks.get_result("t")["data"]
    assert isinstance(error, WorkerDied)
    assert (error.signal, error.worker) == (signal_name, record.worker)
    ended(tasks, "neighbour")
    assert tasks.get_result("neighbour")["data"] == "fine"
    tasks.submit("t", work.pid_of)
    assert ended(tasks).state is RunState.SUCCESS


def test_a_run_whose_worker_dies_is_tried_again_when_it_may(tasks: TaskManager) -> None:
    def twice(task: Any) -> str:
        if task.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return "second try"

    tasks.submit("t", twice, retries=1, backoff_s=0.01)
    assert ended(tasks).attempt == 2
    assert tasks.get_result("t")["data"] == "second try"


def test_a_copy_that_a_task_forks_and_lets_return_speaks_for_nobody(tasks: TaskManager) -> None:
    tasks.resize("default", 1)
    tasks.submit("t", work.fork_and_return)
    assert ended(tasks).state is RunState.SUCCESS
    result = tasks.get_result("t")["data"]
    assert result == ("the task", 0)
    assert tasks.snapshot("t").progress == 0.25
    tasks.submit("t", work.pid_of)
    assert ended(tasks).state is RunState.SUCCESS


def test_a_process_that_was_killed_while_idle_is_replaced_unseen(tasks: TaskManager) -> None:
    tasks.submit("t", work.pid_of)
    ended(tasks)
    first = tasks.get_result("t")["data"]
    os.kill(first, signal.SIGKILL)
    wait_gone(first)
    tasks.submit("t", work.pid_of)
    assert ended(tasks).state is RunState.SUCCESS
    assert tasks.get_result("t")["data"] != first


def test_a_run_that_is_handed_to_a_process_at_its_end_goes_to_another(
    tasks: TaskManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks.submit("t", work.pid_of)
    ended(tasks)
    first = tasks.get_result("t")["data"]
    monkeypatch.setattr(Child, "usable", lambda child: not child.killed and not child.fat)  # as before its end shows
    os.kill(first, signal.SIGKILL)
    run_id = tasks.submit("t", work.pid_of)
    assert ended(tasks).state is RunState.SUCCESS
    assert tasks.get_result("t")["data"] != first
    assert tasks.run(run_id).attempt == 1


def test_code_that_holds_the_gil_stops_nobody_and_its_stack_can_be_seen(tasks: TaskManager) -> None:
    def hold_the_gil(task: Any) -> None:
        task.progress(0.1, partial="begun")
        for _ in range(200):
            ctypes.PyDLL(None).usleep(900_000)

    run_id = tasks.submit("t", hold_the_gil)
    partial(tasks)
    ticks, until = 0, time.monotonic() + 0.5
    while time.monotonic() < until:
        time.sleep(0.005)
        ticks += 1
    assert ticks > 10
    stack = tasks.stack(run_id)
    assert "in hold_the_gil" in stack
    assert "execution.py" not in stack
    tasks.hard_stop(run_id)
    assert ended(tasks).state is RunState.CANCELLED


def test_memory_that_a_run_leaves_behind_is_given_back(tasks: TaskManager) -> None:
    def leak(task: Any) -> int:
        import builtins

        builtins.leaked = [bytes(1_000) for _ in range(150_000)]  # type: ignore[attr-defined]
        return os.getpid()

    def use(task: Any) -> int:
        used = [bytes(1_000) for _ in range(150_000)]
        return os.getpid() if len(used) else 0

    tasks.resize("default", 1)
    tasks.submit("t", leak)
    assert ended(tasks).state is RunState.SUCCESS
    leaked_in = tasks.get_result("t")["data"]
    wait_gone(leaked_in)
    tasks.submit("t", use)
    ended(tasks)
    used_in = tasks.get_result("t")["data"]
    tasks.submit("t", work.pid_of)
    ended(tasks)
    last = tasks.get_result("t")["data"]
    assert psutil.Process(last).memory_info().rss < 120 * 2**20
    assert leaked_in != used_in


def test_a_run_that_does_not_heed_its_time_limit_is_killed(tasks: TaskManager) -> None:
    engine_of(tasks).kill_after_s = 0.2
    tasks.submit("t", work.stubborn, timeout_s=3.0)
    pids = partial(tasks)
    record = ended(tasks)
    assert (record.state, record.error) == (RunState.TIMED_OUT, "the task timed out after 3 s")
    wait_gone(*pids)


def test_idle_processes_end_by_themselves_and_come_back(tasks: TaskManager) -> None:
    engine_of(tasks).idle_s = 0.1
    tasks.submit("t", work.pid_of)
    ended(tasks)
    wait_gone(tasks.get_result("t")["data"])
    tasks.submit("t", work.pid_of)
    assert ended(tasks).state is RunState.SUCCESS


def test_releasing_the_pool_ends_its_processes_and_the_next_submit_brings_them_back(tasks: TaskManager) -> None:
    tasks.submit("t", work.pid_of)
    ended(tasks)
    tasks.release("default")
    wait_gone(tasks.get_result("t")["data"])
    tasks.submit("t", work.pid_of)
    assert ended(tasks).state is RunState.SUCCESS


def test_a_smaller_pool_has_fewer_processes(tasks: TaskManager) -> None:
    for name in ("a", "b"):
        tasks.submit(name, lambda task: (task.sleep(0.5), os.getpid())[1])
    pids = {(ended(tasks, name), tasks.get_result(name)["data"])[1] for name in ("a", "b")}
    assert len(pids) == 2
    tasks.resize("default", 1)
    wait_until(lambda: sum(runs(pid) for pid in pids) == 1, what="the end of one of them", timeout_s=10)


def test_closing_kills_what_does_not_end(tasks: TaskManager) -> None:
    tasks.submit("t", work.stubborn)
    pids = partial(tasks)
    assert tasks.close(0.3) is False
    assert tasks.snapshot("t").state is RunState.LOST
    wait_gone(*pids)


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "leave"])
def test_no_process_outlives_its_parent(how: str) -> None:
    command = [sys.executable, "-m", "tests.real.engines.parent_program", "leave" if how == "leave" else "wait"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 4
        if how != "leave":
            others = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
            pids += others
            parent.send_signal(signal.Signals[how])
        parent.wait(20)
    wait_gone(*pids)


def test_code_that_has_changed_is_read_anew(
    tasks: TaskManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "changing_module.py"
    source.write_text("def answer(task): return 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import changing_module  # type: ignore[import-not-found]

    tasks.resize("default", 1)
    for _ in range(2):
        tasks.submit("t", changing_module.answer)
        ended(tasks)
    source.write_text("def answer(task): return 22\n", encoding="utf-8")
    os.utime(source, (time.time() + 5, time.time() + 5))
    time.sleep(0.6)
    tasks.submit("t", changing_module.answer)
    ended(tasks)
    assert tasks.get_result("t")["data"] == 22
    del sys.modules["changing_module"]


def test_functions_and_classes_of_a_streamlit_script_work_and_the_script_does_not_run_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    env = {
        "PYTHONPATH": str(ROOT),
        "NOTES": str(notes),
        "OCTOSTAR_POOLS": '{"cpu": {"size": 1, "engine": "process"}}',
        "OCTOSTAR_STATE_DIR": str(tmp_path / "state"),
    }
    with StreamlitServer(HERE / "process_app.py", env=env) as server, StreamlitClient(server.url) as client:
        client.wait_for("answer 42 from elsewhere", timeout_s=LONG_S)
        assert notes.read_text(encoding="utf-8").split() == [str(server.pid)]
