"""Cancel, hard-stop and retry: who may, what happens, what is written down."""

import threading
from typing import Any

import pytest

from octostar_runtime.errors import CountChanged, NotAllowed, NotSignedIn, QueryInvalid
from octostar_runtime.models.access import ANONYMOUS, Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunState
from octostar_runtime.runtime import Runtime
from octostar_runtime.testing import wait_until


def until_told(task: Any) -> None:
    while True:
        task.sleep(0.02)


def wait_running(runtime: Runtime, run_id: str) -> None:
    wait_until(lambda: runtime.tasks.run(run_id).state is RunState.RUNNING, what="the run to start")


def test_an_operator_cancels_a_running_task_and_the_audit_says_who_and_why(
    runtime: Runtime, operator: Principal, events: list[Event]
) -> None:
    run_id = runtime.tasks.submit("job", until_told)
    wait_running(runtime, run_id)
    (outcome,) = runtime.operations.cancel_runs([run_id], by=operator, reason="too slow")
    assert outcome.ok
    wait_until(lambda: runtime.tasks.run(run_id).state is RunState.CANCELLED, what="the run to end")
    cancel = runtime.tasks.run(run_id).cancel
    assert cancel is not None
    assert (cancel.by, cancel.reason) == ("ada", "too slow")
    (audited,) = [event for event in events if event.kind == "run.cancel_requested" and event.actor]
    assert (audited.subject, audited.actor, audited.reason) == (run_id, "ada", "too slow")
    assert audited.data["before"] in ("queued", "running")  # as the last snapshot had it
    assert audited.data["after"] == "asked to stop"


@pytest.mark.parametrize("action", ["cancel_runs", "retry_runs"])
def test_a_viewer_is_refused_and_the_attempt_is_written_down(
    runtime: Runtime, viewer: Principal, events: list[Event], action: str
) -> None:
    run_id = runtime.tasks.submit("job", until_told)
    with pytest.raises(NotAllowed, match="vic is viewer; only operators may"):
        getattr(runtime.operations, action)([run_id], by=viewer)
    assert not runtime.tasks.run(run_id).terminal
    assert [event.actor for event in events if event.kind == "access.denied"] == ["vic"]


def test_a_stranger_is_told_to_sign_in(runtime: Runtime) -> None:
    with pytest.raises(NotSignedIn, match="sign in as operator"):
        runtime.operations.cancel_runs(["x"], by=ANONYMOUS)


def test_a_token_limited_to_other_scopes_is_refused(runtime: Runtime) -> None:
    token = Principal(name="ci", role=Role.ADMIN, via="token", scopes=frozenset({"read"}))
    with pytest.raises(NotAllowed, match="lacks the scope 'runs:write'"):
        runtime.operations.cancel_runs(["x"], by=token)


def test_an_unknown_run_is_an_outcome_beside_the_others(runtime: Runtime, operator: Principal) -> None:
    run_id = runtime.tasks.submit("job", until_told)
    outcomes = runtime.operations.cancel_runs([run_id, "no-such-run"], by=operator)
    assert [outcome.ok for outcome in outcomes] == [True, False]
    assert outcomes[1].detail == "not known to any node"


def test_everything_that_matches_is_cancelled_when_the_count_still_holds(runtime: Runtime, operator: Principal) -> None:
    for number in range(3):
        runtime.tasks.submit(f"report-{number}", until_told, name="report")
    other = runtime.tasks.submit("other", until_told, name="other")
    outcomes = runtime.operations.cancel_matching("name:report", 3, by=operator)
    assert all(outcome.ok for outcome in outcomes)
    assert len(outcomes) == 3
    assert not runtime.tasks.run(other).terminal


def test_another_count_than_the_confirmed_one_changes_nothing(runtime: Runtime, operator: Principal) -> None:
    run_id = runtime.tasks.submit("report", until_told, name="report")
    with pytest.raises(CountChanged) as changed:
        runtime.operations.cancel_matching("name:report", 5, by=operator)
    assert changed.value.current == 1
    assert not runtime.tasks.run(run_id).terminal


def test_nothing_matches_when_nothing_was_expected(runtime: Runtime, operator: Principal) -> None:
    assert runtime.operations.cancel_matching("name:nothing", 0, by=operator) == ()


def test_more_than_may_be_cancelled_at_once_can_be_expected(runtime: Runtime, operator: Principal) -> None:
    with pytest.raises(CountChanged, match="0 runs match now, not 10000"):
        runtime.operations.cancel_matching("", 10_000, by=operator)


def test_ended_runs_do_not_crowd_out_the_live_ones_that_match(runtime: Runtime, operator: Principal) -> None:
    for number in range(50):
        runtime.tasks.submit(f"done-{number}", lambda task: None, name="report")
    wait_until(lambda: runtime.tasks.counts()[RunState.SUCCESS] == 50, what="the fifty to end")
    runtime.tasks.submit("live", until_told, name="report")
    assert len(runtime.operations.cancel_matching("name:report", 1, by=operator)) == 1


def test_a_retry_of_the_failed_leaves_what_succeeded_alone(runtime: Runtime, operator: Principal) -> None:
    def fail(task: Any) -> None:
        raise RuntimeError("no")

    runtime.tasks.submit("good", lambda task: None)
    bad = runtime.tasks.submit("bad", fail)
    wait_until(lambda: runtime.tasks.counts()[RunState.ERROR] == 1, what="the failure")
    wait_until(lambda: runtime.tasks.counts()[RunState.SUCCESS] == 1, what="the success")
    outcomes = runtime.operations.retry_matching("state:failed", 1, by=operator)
    assert [outcome.target for outcome in outcomes] == [bad]


def test_a_search_that_cannot_be_read_is_refused(runtime: Runtime, operator: Principal) -> None:
    with pytest.raises(QueryInvalid):
        runtime.operations.cancel_matching("nmae:report", 1, by=operator)


def test_a_retry_runs_the_same_function_with_the_same_arguments(runtime: Runtime, operator: Principal) -> None:
    fail = threading.Event()
    fail.set()

    def flaky(task: Any, number: int) -> int:
        if fail.is_set():
            raise RuntimeError("the network")
        return number

    run_id = runtime.tasks.submit("job", flaky, {"number": 7})
    wait_until(lambda: runtime.tasks.run(run_id).state is RunState.ERROR, what="the failure")
    fail.clear()
    (outcome,) = runtime.operations.retry_runs([run_id], by=operator)
    assert outcome.ok
    wait_until(lambda: runtime.tasks.get_result("job")["data"] == 7, what="the second try")
    assert runtime.tasks.run(outcome.detail).retry_of == run_id


def test_the_stack_of_a_running_task_shows_where_it_is(runtime: Runtime, viewer: Principal) -> None:
    run_id = runtime.tasks.submit("job", until_told)
    wait_running(runtime, run_id)
    runtime.fleet.refresh_now()
    assert "until_told" in runtime.operations.run_stack(run_id, by=viewer)
