"""What the fleet and a person's erasure ask of the task manager."""

import logging
import subprocess
import sys
import threading

from octostar_runtime.models.runs import RunState
from octostar_runtime.testing import wait_until
from tests.unit.tasks.conftest import MakeManager


def test_what_the_fleet_gave_up_is_lost_here_too_and_the_pool_works_on(make_manager: MakeManager) -> None:
    tasks = make_manager(pools={"default": {"size": 1}})
    go_on = threading.Event()
    running = tasks.submit("running", lambda _: go_on.wait(10))
    queued = tasks.submit("queued", lambda _: "never")
    wait_until(lambda: tasks.counts()[RunState.RUNNING] == 1, what="the first to run")
    assert tasks.lose_where(lambda _: True, "this process was declared lost") == 2
    assert [tasks.run(run_id).state for run_id in (running, queued)] == [RunState.LOST] * 2
    go_on.set()
    tasks.submit("next", lambda _: 7)
    assert tasks.wait("next", timeout_s=10)
    assert tasks.get_result("next")["data"] == 7
    ends = [run.state for run in tasks.runs()]
    assert ends == [RunState.SUCCESS, RunState.LOST, RunState.LOST]
    assert tasks.lose_where(lambda _: True, "again") == 0


def test_a_task_of_a_lost_node_notices_at_its_next_report(make_manager: MakeManager) -> None:
    tasks = make_manager(pools={"default": {"size": 1}})
    begun, ended = threading.Event(), threading.Event()

    def work(task: object) -> None:
        try:
            while True:
                begun.set()
                task.sleep(0.01)  # type: ignore[attr-defined]
        finally:
            ended.set()

    tasks.submit("works", work)
    begun.wait(10)
    tasks.lose_where(lambda _: True, "declared lost")
    assert ended.wait(10)


def test_of_an_erased_persons_runs_only_the_bare_facts_stay(make_manager: MakeManager) -> None:
    tasks = make_manager()

    def fail(_: object, mail: str) -> None:
        logging.getLogger("app").warning("no mail for %s", mail)
        raise ValueError(f"cannot mail {mail}")

    theirs = tasks.submit("mail-olga", fail, {"mail": "olga@example.org"}, user="olga")
    others = tasks.submit("mail-bob", fail, {"mail": "bob@example.org"}, user="bob")
    wait_until(lambda: tasks.counts()[RunState.ERROR] == 2, what="both to fail")
    before = tasks.run(theirs)
    assert "olga" in str(before)
    tasks.drain_changes()
    assert tasks.forget_person("olga") == 1
    after = tasks.run(theirs)
    assert "olga" not in str(after)
    assert (after.state, after.error_type, after.run_s) == (RunState.ERROR, "ValueError", before.run_s)
    assert after.seq > before.seq
    assert [run.run_id for run in tasks.drain_changes()] == [theirs]
    assert "bob@example.org" in str(tasks.run(others))


def test_a_function_of_the_api_is_found_by_its_path_in_a_process_that_has_not_used_it() -> None:
    code = (
        "from octostar_runtime.tasks.registry import resolve\n"
        "found = resolve('tests.real.console.work:fails')\n"
        "assert found.name == 'fails', found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
