"""Plain functions are called through the API: validated, run as tasks, cancelled, never twice by accident."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from octostar_runtime.client import ApiRefused
from octostar_runtime.models.access import Role
from octostar_runtime.models.runs import RunState
from octostar_runtime.testing import wait_until
from tests.real.api import sample_functions
from tests.support.api_server import ApiServer, running_api

pytestmark = pytest.mark.real


def test_a_call_is_taken_and_its_result_fetched(server: ApiServer) -> None:
    with server.client() as client:
        call = client.call("add", a=2)
        assert call.result().data == 3
        assert client.run(call.run_id).user == "admin"


def test_the_result_comes_at_once_when_waited_for(server: ApiServer) -> None:
    headers = {"Authorization": f"Bearer {server.token()}"}
    response = httpx.post(
        f"{server.url}/api/functions/add", params={"wait": 20}, json={"a": 1, "b": 41}, headers=headers
    )
    assert response.status_code == 200
    assert response.json()["data"] == 42
    assert response.headers["location"].startswith("/api/runs/")


def test_arguments_are_checked_by_the_signature_and_each_fault_is_named(server: ApiServer) -> None:
    with server.client() as client, pytest.raises(ApiRefused) as refused:
        client.call("add", a="two", c=3)
    assert refused.value.status == 422
    assert {fault["field"] for fault in refused.value.problem["errors"]} == {"body.a", "body.c"}


def test_a_file_is_streamed_to_disk_and_removed_when_the_run_ended_well(server: ApiServer, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(b"x" * (20 << 20))
    with server.client() as client:
        data = client.call("measure", files={"file": big}, note="hello", wait_s=20).result().data
    assert data == {"size": 20 << 20, "told": 20 << 20, "name": "big.bin", "note": "hello"}
    assert list((server.runtime.settings.state_dir / "uploads").iterdir()) == []


def test_a_file_of_this_machine_cannot_be_named_in_a_body(server: ApiServer) -> None:
    headers = {"Authorization": f"Bearer {server.token()}"}
    url = f"{server.url}/api/functions/measure"
    as_json = httpx.post(url, json={"file": {"path": "/etc/passwd"}}, headers=headers)
    assert as_json.status_code == 415
    uploaded = httpx.post(
        url, params={"wait": 10}, files={"file": (None, b'{"path": "/etc/passwd"}')}, headers=headers
    ).json()
    assert uploaded["data"]["size"] == len('{"path": "/etc/passwd"}')


def test_partial_results_and_progress_can_be_followed(server: ApiServer) -> None:
    sample_functions.gate.clear()
    with server.client() as client:
        call = client.call("count", upto=5)
        partial = wait_until(lambda: (r := client.result(call.run_id)).data == 3 and r, what="a partial result")
        assert not partial.final
        sample_functions.gate.set()
        assert call.result().data == 4


def test_a_running_call_is_cancelled(server: ApiServer) -> None:
    with server.client() as client:
        call = client.call("endless")
        wait_until(lambda: client.run(call.run_id).state is RunState.RUNNING, what="the run to start")
        assert client.cancel_runs([call.run_id], reason="enough").done == 1
        wait_until(lambda: client.run(call.run_id).state is RunState.CANCELLED, what="the run to stop")


def test_a_failed_call_says_why(server: ApiServer) -> None:
    with server.client() as client, pytest.raises(ApiRefused, match="not meant to be") as refused:
        client.call("failing").result()
    assert refused.value.status == 409


def test_the_same_key_runs_once_and_leads_to_the_same_run(server: ApiServer) -> None:
    sample_functions.calls.clear()
    with server.client() as client:
        first = client.call("noted", text="once", key="k1", wait_s=10)
        again = client.call("noted", text="once", key="k1", wait_s=10)
        assert first.run_id == again.run_id
        assert sample_functions.calls == ["once"]
        with pytest.raises(ApiRefused, match="another request"):
            client.call("noted", text="other", key="k1")


def test_a_viewer_and_a_token_without_the_scope_cannot_call(server: ApiServer) -> None:
    for client in (server.client(Role.VIEWER), server.client(Role.ADMIN, "read")):
        with client, pytest.raises(ApiRefused) as refused:
            client.call("add", a=1)
        assert refused.value.status == 403


def test_every_function_has_its_own_entry_in_the_documentation(server: ApiServer) -> None:
    document = httpx.get(f"{server.url}/openapi.json").json()
    entry = document["paths"]["/api/functions/add"]["post"]
    assert entry["summary"] == "Add two numbers."
    assert entry["requestBody"]["content"]["application/json"]["schema"]["required"] == ["a"]
    assert "multipart/form-data" in document["paths"]["/api/functions/measure"]["post"]["requestBody"]["content"]


def test_a_form_may_send_several_values_and_files_for_one_parameter(server: ApiServer) -> None:
    headers = {"Authorization": f"Bearer {server.token()}"}
    parts: list[tuple[str, tuple[str | None, bytes]]] = [
        ("tags", (None, b"a")),
        ("tags", (None, b"2")),
        ("note", (None, b"123")),
        ("files", ("one.txt", b"1")),
        ("files", ("two.txt", b"22")),
    ]
    answer = httpx.post(f"{server.url}/api/functions/collect?wait=10", files=parts, headers=headers)
    data = answer.json()["data"]
    assert data == {"tags": ["a", "2"], "note": "123", "files": [["one.txt", 1], ["two.txt", 2]]}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([("nope", (None, b"x"))], "body.nope"),
        ([("file", ("a", b"x")), ("file", ("b", b"x"))], "body.file"),
        ([("note", (None, b"x"))], "body.file"),
    ],
)
def test_what_is_wrong_with_a_form_is_told_by_field(server: ApiServer, parts: list[object], field: str) -> None:
    headers = {"Authorization": f"Bearer {server.token()}"}
    answer = httpx.post(f"{server.url}/api/functions/measure", files=parts, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert list((server.runtime.settings.state_dir / "uploads").iterdir()) == []


def test_a_token_that_may_only_call_sees_and_cancels_its_own_calls_and_no_others(server: ApiServer) -> None:
    with server.client() as admin, server.client(Role.OPERATOR, "functions:call") as caller:
        assert "add" in {function.name for function in caller.functions()}
        assert caller.call("add", a=1).result().data == 2
        own, foreign = caller.call("endless"), admin.call("endless")
        for look in (caller.run, caller.result):
            with pytest.raises(ApiRefused) as refused:
                look(foreign.run_id)
            assert refused.value.status == 403
        headers = {"Authorization": f"Bearer {server.token(Role.OPERATOR, 'functions:call')}"}
        answers = {
            run_id: httpx.post(f"{server.url}/api/runs/{run_id}/cancel", headers=headers).status_code
            for run_id in (own.run_id, foreign.run_id)
        }
        assert answers == {own.run_id: 200, foreign.run_id: 403}
        admin.cancel_runs([foreign.run_id])
        wait_until(lambda: admin.run(foreign.run_id).terminal and caller.run(own.run_id).terminal, what="both to stop")


def test_an_answer_is_held_for_as_long_as_it_was_asked_for(server: ApiServer) -> None:
    sample_functions.gate.clear()
    with server.client() as client:
        held = client.call("count", upto=2, wait_s=0.2)
        assert not client.run(held.run_id).terminal
        sample_functions.gate.set()
        assert held.result().data == 1


def test_a_key_leads_to_the_same_run_after_a_restart_and_at_another_replica(tmp_path: Path) -> None:
    sample_functions.calls.clear()
    headers = {"Idempotency-Key": "k1"}

    def call(at: ApiServer, wait: float = 0, text: str = "once") -> httpx.Response:
        token = {"Authorization": f"Bearer {at.token()}"}
        url = f"{at.url}/api/functions/noted?wait={wait}"
        return httpx.post(url, content=f'{{"text": "{text}"}}', headers={**headers, **token})

    with running_api(tmp_path) as first:
        started = call(first, wait=10)
        run = started.headers["location"]
        with running_api(tmp_path) as other:
            again = call(other, wait=10)
            assert (again.status_code, again.headers["location"], again.json()["state"]) == (202, run, "success")
            assert call(other, text="another").status_code == 409
    with running_api(tmp_path) as restarted:
        again = call(restarted)
        assert (again.status_code, again.headers["location"]) == (202, run)
        result = httpx.get(
            f"{restarted.url}{run}/result", headers={"Authorization": f"Bearer {restarted.token()}"}, timeout=20
        )
        assert result.status_code == 410
        assert "run it again" in result.json()["detail"]
    assert sample_functions.calls == ["once"]


def test_a_repeat_at_another_replica_waits_for_the_run_of_the_first(server: ApiServer) -> None:
    sample_functions.gate.clear()
    with running_api(server.runtime.settings.state_dir) as other:
        here = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token()}"})
        there = httpx.Client(base_url=other.url, headers={"Authorization": f"Bearer {other.token()}"})
        with here, there, ThreadPoolExecutor(1) as background:
            first = here.post("/api/functions/count", json={"upto": 2}, headers={"Idempotency-Key": "both"})
            again = background.submit(
                there.post, "/api/functions/count?wait=30", json={"upto": 2}, headers={"Idempotency-Key": "both"}
            )
            time.sleep(0.3)
            assert not again.done()
            sample_functions.gate.set()
            answer = again.result(20)
    assert answer.headers["location"] == first.headers["location"]
    assert answer.json()["state"] == "success"


def test_the_same_arguments_written_otherwise_are_the_same_request(server: ApiServer) -> None:
    headers = {"Authorization": f"Bearer {server.token()}", "Idempotency-Key": "order"}
    url = f"{server.url}/api/functions/add"
    answers = [httpx.post(url, content=body, headers=headers) for body in ('{"a":1,"b":2}', '{ "b": 2, "a": 1 }')]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.headers["location"] for answer in answers}) == 1
