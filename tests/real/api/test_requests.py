"""Every refusal is a problem document, and nothing a client sends harms the service."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from octostar_runtime.testing import wait_until
from tests.support.api_server import ApiServer, running_api

pytestmark = pytest.mark.real


@pytest.fixture
def http(server: ApiServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token()}"}) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/", 404),
        ("GET", "/api", 404),
        ("DELETE", "/api/policy", 405),
        ("GET", "/api/runs/unknown", 404),
        ("GET", "/api/runs?q=state:bogus", 422),
        ("GET", "/api/runs?limit=0", 422),
        ("GET", "/api/runs?limit=1&limit=2", 422),
        ("GET", "/api/runs?cursor=garbage", 404),
        ("GET", "/api/sessions/unknown", 404),
        ("POST", "/api/services/unknown/stop", 404),
        ("POST", "/api/functions/unknown", 404),
        ("POST", "/api/runs/cancel", 422),
    ],
)
def test_a_wrong_request_gets_a_problem(http: httpx.Client, method: str, path: str, status: int) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_a_path_tells_all_its_methods(http: httpx.Client) -> None:
    assert http.delete("/api/policy").headers["allow"] == "GET, HEAD, PUT"


def test_bad_tokens_are_401_and_say_how(server: ApiServer) -> None:
    for header in ("Bearer nonsense", "Bearer octt_x", "bearer x y"):
        answer = httpx.get(f"{server.url}/api/me", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_huge_body_is_413_and_the_service_goes_on(http: httpx.Client) -> None:
    answer = http.post("/api/runs/cancel", content=b" " * (9 << 20), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert http.get("/api/health").status_code == 200


def test_a_request_id_of_the_client_is_kept_when_it_is_harmless(http: httpx.Client) -> None:
    assert http.get("/api/health", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert http.get("/api/health", headers={"X-Request-ID": "a b;c"}).headers["x-request-id"] != "a b;c"


def test_the_policy_is_saved_only_over_the_version_that_was_seen(http: httpx.Client) -> None:
    seen = http.get("/api/policy")
    version = seen.json()["version"]
    body = {"version": version, "policy": {**seen.json()["policy"], "mode": "dry_run"}}
    assert http.put("/api/policy", json=body, headers={"If-Match": '"999"'}).status_code == 412
    saved = http.put("/api/policy", json=body, headers={"If-Match": seen.headers["etag"]})
    assert saved.status_code == 200
    assert saved.json()["policy"]["mode"] == "dry_run"
    again = http.put("/api/policy", json=body)
    assert again.status_code == 409
    assert again.headers["etag"] == saved.headers["etag"]
    assert http.get("/api/policy", headers={"If-None-Match": saved.headers["etag"]}).status_code == 304
    wrong = http.put("/api/policy", json={"version": version + 1, "policy": {"check_interval": -1}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "body.policy.check_interval"


def test_events_come_live_without_delay(server: ApiServer, http: httpx.Client) -> None:
    got: list[str] = []

    def listen() -> None:
        with http.stream("GET", "/api/events/stream", params={"kind": "access."}, timeout=20) as stream:
            for line in stream.iter_lines():
                got.append(line)
                if line.startswith("event: access.token_made"):
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: got, what="the stream to open")
    server.token()
    listener.join(6)
    assert not listener.is_alive()
    assert any(line.startswith("id: ") for line in got)


def test_metrics_are_valid_openmetrics_without_ids(server: ApiServer, http: httpx.Client) -> None:
    text = http.get("/api/metrics").text
    read = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in read}
    assert {"octostar_nodes", "octostar_pool_workers", "octostar_runs_retained", "octostar_run_wait_seconds"} <= set(
        families
    )
    labels = {label for family in families.values() for sample in family.samples for label in sample.labels}
    assert not labels & {"session", "user", "run_id", "session_id"}
    assert httpx.get(f"{server.url}/api/metrics").status_code == 401


def test_one_caller_is_held_to_its_rate_and_told_when_to_come_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        running_api(tmp_path_factory.mktemp("rate"), api_rate=1, api_burst=5) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token()}"}) as caller,
    ):
        answers = [caller.get("/api/me") for _ in range(10)]
        assert {answer.status_code for answer in answers} == {200, 429}
        assert answers[-1].headers["retry-after"] == "1"
        assert caller.get("/api/health").status_code == 200


@pytest.mark.parametrize(
    ("defaults", "drips"),
    [({"body_pause_s": 0.3, "body_whole_s": 60.0}, False), ({"body_pause_s": 5.0, "body_whole_s": 0.5}, True)],
    ids=["silent", "dripping"],
)
def test_a_client_that_never_finishes_its_body_is_let_go(
    tmp_path_factory: pytest.TempPathFactory, defaults: dict[str, float], drips: bool
) -> None:
    from octostar_runtime.api import guard

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard.Guard.__init__, "__kwdefaults__", defaults)
        with running_api(tmp_path_factory.mktemp("slow")) as server:
            address = urlsplit(server.url)
            with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as slow:
                head = (
                    f"POST /api/runs/cancel HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token()}\r\n"
                    "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
                )
                slow.sendall(head.encode())
                for _ in range(10 if drips else 0):
                    time.sleep(0.1)
                    slow.sendall(b" ")
                answer = slow.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 408")
    assert json.loads(answer.partition("\r\n\r\n")[2])["status"] == 408


def test_another_kind_of_body_than_json_is_415(http: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = http.post("/api/runs/cancel", content=b'{"run_ids": ["x"]}', headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert "application/json" in answer.json()["detail"]
    assert http.post("/api/runs/cancel", content=b'{"run_ids": ["x"]}').status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/runs/cancel", {"run_ids": []}, "body.run_ids"),
        ("/api/runs/cancel", {"q": "state:bogus", "expected": 0}, "body.q"),
        ("/api/runs/retry", {"q": "x", "expected": -1}, "body.expected"),
        ("/api/tokens", {"label": "x", "scopes": ["nope"]}, "body.scopes.0"),
        ("/api/sessions/message", {"text": " "}, "body.text"),
        ("/api/holds", {"reason": "x", "ttl_s": 0}, "body.ttl_s"),
    ],
)
def test_the_field_at_fault_is_named(http: httpx.Client, path: str, body: dict[str, object], field: str) -> None:
    answer = http.post(path, json=body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


def test_a_failure_of_ours_is_a_problem_that_leads_to_the_log(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from octostar_runtime.api.routes import runs

    def fail(_: str) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(runs, "parse", fail)
    answer = http.get("/api/runs", headers={"X-Request-ID": "trace-me"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "trace-me"
    assert "a bug" not in answer.text
    assert "request trace-me failed" in caplog.text
    monkeypatch.undo()
    assert http.get("/api/runs").status_code == 200


def test_who_has_a_document_already_hears_that_it_is_the_same(http: httpx.Client) -> None:
    node = http.get("/api/nodes").json()["items"][0]["node_id"]
    path = f"/api/nodes/{node}/pools/default"

    def asked_twice() -> tuple[int, bytes]:
        again = http.get(path, headers={"If-None-Match": http.get(path).headers["etag"]})
        return again.status_code, again.content

    # for a minute after a run the pool's use changes from moment to moment, so the two may differ now and then
    wait_until(lambda: asked_twice() == (304, b""), what="an answer that nothing is new")
    seen = http.get(path)
    http.post(path + "/resize", json={"size": 3})
    wait_until(lambda: http.get(path, headers={"If-None-Match": seen.headers["etag"]}).status_code == 200, what="news")


def test_a_service_is_woken_and_waited_for_and_a_hold_is_listed_until_it_ends(http: httpx.Client) -> None:
    service = http.get("/api/services").json()["items"][0]["name"]
    woken = http.post(f"/api/services/{service}/wake", params={"wait": 10})
    assert (woken.status_code, woken.json()["state"] in ("ready", "idle", "warned")) == (200, True)
    hold = http.post("/api/holds", json={"reason": "a demo", "ttl_s": 60}).json()["hold_id"]
    (listed,) = http.get("/api/holds").json()
    assert (listed["hold_id"], listed["owner"], listed["reason"]) == (hold, "admin", "a demo")
    assert http.delete(f"/api/holds/{hold}").status_code == 204
    assert http.delete(f"/api/holds/{hold}").status_code == 404
    assert http.get("/api/holds").json() == []


def test_the_documentation_needs_no_other_host(http: httpx.Client) -> None:
    page = http.get("/docs").text
    assert "//" not in page.replace("<!--", "").partition("</head>")[0]
    assert "https://" not in page
    assert "SwaggerUIBundle" in http.get("/api/docs/swagger-ui-bundle.js").text
    assert http.get("/api/docs/swagger-ui.css").headers["content-type"].startswith("text/css")
    assert http.get("/api/docs/other.js").status_code == 404


def test_a_burst_larger_than_a_snapshot_is_counted_to_the_last_run(server: ApiServer, http: httpx.Client) -> None:
    before = _ended(http, "burst")
    for number in range(5_000):
        server.runtime.tasks.submit(f"burst-{number}", _nothing, name="burst")
    wait_until(lambda: _ended(http, "burst") - before == 5_000, timeout_s=20, what="all runs to be counted")


def _nothing(task: object) -> None:
    return None


def _ended(http: httpx.Client, name: str) -> int:
    text = http.get("/api/metrics").text
    counted: list[float] = [
        sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.name == "octostar_runs_ended_total" and sample.labels["name"] == name
    ]
    return int(sum(counted))


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nno colon here\r\n\r\n",
        b"FOO /api/health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/runs/cancel HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api/runs/cancel HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["nonsense", "header", "method", "chunks", "length", "tls"],
)
def test_what_is_no_http_is_a_problem_too(server: ApiServer, http: httpx.Client, sent: bytes) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as client:
        client.sendall(sent)
        answer = b""
        while part := client.recv(65536):
            answer += part
    head, _, body = answer.decode().partition("\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "content-type: application/problem+json" in head
    assert f"x-request-id: {problem['request_id']}" in head
    assert (problem["status"], problem["type"]) == (400, "urn:octostar:problem:bad-request")
    assert http.get("/api/health").status_code == 200
