"""nginx with our configuration: who gets which request, in which form, with which headers."""

import http.client
import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from octostar_runtime.deploy.layout import UI_UPLOAD_MB
from octostar_runtime.testing import wait_until
from tests.support.nginx import EDGE_SECRET, Deployment
from tests.support.stub_server import Answer, Call

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with Deployment() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(deployment: Deployment) -> None:
    deployment.ui.calls.clear()
    deployment.api.calls.clear()


@pytest.mark.parametrize("path", ["/api", "/api/health", "/api/runs?q=state:running", "/docs", "/openapi.json"])
def test_the_api_answers_its_own_paths(deployment: Deployment, path: str) -> None:
    assert deployment.nginx.get(path).text == "api"
    assert [call.target for call in deployment.api.calls] == [path]


@pytest.mark.parametrize("path", ["/", "/tasks", "/apiary", "/docs2", "/_stcore/health", "/static/js/x.js", "/api-x"])
def test_everything_else_is_the_ui(deployment: Deployment, path: str) -> None:
    assert deployment.nginx.get(path).text == "ui"


@pytest.mark.parametrize("target", ["/api/runs/a%2Fb%20c?x=%26&y", "/api/runs/%E2%9C%93", "/api//runs"])
def test_a_path_arrives_as_it_was_sent(deployment: Deployment, target: str) -> None:
    deployment.nginx.get(target)
    assert deployment.api.calls[0].target == target


def test_the_host_keeps_its_port_so_that_streamlit_accepts_the_websocket(deployment: Deployment) -> None:
    deployment.nginx.get("/", headers={"Host": "console.example.org:9443"})
    headers = deployment.ui.calls[0].headers
    assert headers["host"] == headers["x-forwarded-host"] == "console.example.org:9443"


def test_who_a_user_is_cannot_be_claimed_by_the_user(deployment: Deployment) -> None:
    forged = {
        "X-Forwarded-User": "mallory",
        "X-Forwarded-Groups": "admin",
        "X-Forwarded-For": "10.9.9.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example.org",
        "X-Forwarded-Prefix": "/evil",
        "X-Real-IP": "10.9.9.9",
        "X-Octostar-Edge": "guess",
        "X-Octostar-User": "mallory",
        "X-Octostar-Roles": "admin",
        "X-Octostar-Wake": "call",
    }
    for path in ("/", "/api/health", "/_stcore/health", "/docs"):
        deployment.nginx.get(path, headers=forged)
    for call in [*deployment.ui.calls, *deployment.api.calls]:
        assert "x-forwarded-user" not in call.headers
        assert "x-forwarded-groups" not in call.headers
        assert not {n for n in call.headers if n.startswith("x-octostar-")} - {"x-octostar-edge"}
        assert call.headers["x-octostar-edge"] == EDGE_SECRET
        assert call.headers["x-real-ip"] == call.headers["x-forwarded-for"] == "127.0.0.1"
        assert call.headers["x-forwarded-proto"] == "http"
        assert not {"mallory", "10.9.9.9", "/evil", "guess"} & set(call.headers.values())
        assert "evil.example.org" not in call.headers.values()
    assert len(deployment.ui.calls) + len(deployment.api.calls) == 4


def test_the_configured_proxy_may_say_who_the_user_is() -> None:
    with Deployment(trusted_proxy="10.0.0.0/8, 127.0.0.1", proxy_user_header="X-Auth-Email") as deployment:
        told = {
            "X-Auth-Email": "ada@example.org",
            "X-Forwarded-User": "mallory",
            "X-Forwarded-Groups": "ops,dev",
            "X-Forwarded-For": "198.51.100.7",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "apps.example.org",
        }
        deployment.nginx.get("/api/me", headers=told)
        headers = deployment.api.calls[0].headers
    assert headers["x-auth-email"] == "ada@example.org"
    assert headers["x-forwarded-groups"] == "ops,dev"
    assert "x-forwarded-user" not in headers
    assert headers["x-forwarded-for"] == "198.51.100.7, 127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["host"] == headers["x-forwarded-host"] == "apps.example.org"


@pytest.mark.parametrize(
    "target",
    [
        "/api/internal",
        "/api/internal/wake?service=ui",
        "/api//internal/wake",
        "/api/internal%2Fwake",
        "/api/%69nternal/wake",
        "/x/../api/internal/wake",
        "/_stcore/../api/internal/wake",
        "/.octostar-wake",
        "/_stcore/metrics",
        "/_stcore/%6Detrics",
        "/_stcore//metrics",
        "/desktop",
        "/desktop/anything",
    ],
)
def test_what_is_not_for_the_outside_is_not_found(deployment: Deployment, target: str) -> None:
    # httpx would tidy the path up before it sends it
    request = httpx.Request("GET", deployment.nginx.url, extensions={"target": target.encode()})
    with httpx.Client() as client:
        assert client.send(request).status_code == 404
    assert deployment.ui.calls == deployment.api.calls == []


def test_the_local_desktop_is_served_when_asked_for() -> None:
    with Deployment(desktop=True) as deployment:
        assert deployment.nginx.get("/desktop").text == "api"
        assert deployment.nginx.get("/desktop/page.js").text == "api"


@pytest.mark.parametrize("path", ["/", "/api/health", "/_stcore/metrics"])
def test_every_answer_carries_the_security_headers_once(deployment: Deployment, path: str) -> None:
    answer = deployment.nginx.get(path)
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert answer.headers.get_list("referrer-policy") == ["same-origin"]
    assert "geolocation=()" in answer.headers["permissions-policy"]
    policy = answer.headers.get_list("content-security-policy")
    assert policy == ["frame-ancestors *; object-src 'none'; base-uri 'self'"]
    assert "nginx/" not in answer.headers["server"]


def test_a_header_of_the_api_does_not_double_ours() -> None:
    with Deployment(frame_ancestors="'self' https://octostar.example.org") as deployment:
        deployment.api.answer("/api/x", lambda _: Answer(200, b"", {"X-Content-Type-Options": "nosniff"}))
        headers = deployment.nginx.get("/api/x").headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert "frame-ancestors 'self' https://octostar.example.org;" in headers["content-security-policy"]


def test_a_body_above_128_mb_is_refused_with_problem_details(deployment: Deployment) -> None:
    answer = deployment.nginx.request("POST", "/api/functions/profile", content=b"", headers={"Content-Length": "0"})
    assert answer.status_code == 200
    megabyte = b"x" * 2**20
    answer = deployment.nginx.request("POST", "/api/functions/profile", content=megabyte * 129)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 413
    assert "128 MB" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(deployment.api.calls) == 1


def test_a_body_of_128_mb_arrives_whole(deployment: Deployment) -> None:
    answer = deployment.nginx.request("POST", "/api/functions/profile", content=b"x" * 2**20 * 128)
    assert answer.status_code == 200
    assert len(deployment.api.calls[0].body) == 2**27


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"NONSENSE\r\n\r\n", 400, "bad-request"),
        (b"GET /api/health HTTP/1.1\r\n\r\n", 400, "bad-request"),
        (b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400, "bad-request"),
        (b"POST /api/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n", 400, "bad-request"),
        (b"TRACE /api/x HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method-not-allowed"),
        (b"GET /api/" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "address-too-long"),
        (b"GET /api/x HTTP/1.1\r\nHost: x\r\nX-Y: " + b"y" * 40_000 + b"\r\n\r\n", 400, "headers-too-large"),
        (b"GET /api/internal/wake HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "not-found"),
        (b"GET /.refused/400 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "not-found"),
    ],
)
def test_what_nginx_itself_refuses_is_a_problem_too(
    deployment: Deployment, sent: bytes, status: int, kind: str
) -> None:
    with socket.create_connection(("127.0.0.1", deployment.nginx.port), timeout=10) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        problem = json.loads(answer.read())
    assert (answer.status, answer.getheader("Content-Type")) == (status, "application/problem+json")
    assert (problem["status"], problem["type"]) == (status, f"urn:octostar:problem:{kind}")
    assert problem["detail"]
    assert problem["request_id"]


def test_one_id_names_a_request_in_every_log(deployment: Deployment) -> None:
    deployment.nginx.get("/api/health", headers={"X-Request-ID": "from-outside"})
    deployment.nginx.get("/api/health", headers={"X-Request-ID": 'a "quoted" one'})
    assert deployment.api.calls[0].headers["x-request-id"] == "from-outside"
    assert len(deployment.api.calls[1].headers["x-request-id"]) == 32


def test_the_largest_body_follows_the_settings() -> None:
    with Deployment(upload_mb=2) as deployment:
        assert deployment.nginx.request("POST", "/api/functions/x", content=b"x" * 2**21).status_code == 200
        answer = deployment.nginx.request("POST", "/api/functions/x", content=b"x" * 3 * 2**20)
    assert (answer.status_code, "at most 2 MB" in answer.json()["detail"]) == (413, True)


def test_uploads_to_the_ui_are_bounded_as_streamlit_bounds_them(deployment: Deployment) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", deployment.nginx.port, timeout=10)
    connection.putrequest("POST", "/_stcore/upload_file/x")
    connection.putheader("Content-Length", str((UI_UPLOAD_MB + 1) * 2**20))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_events_pass_without_delay(deployment: Deployment) -> None:
    def stream(_call: Call) -> Answer:
        def pieces() -> Iterator[bytes]:
            for _ in range(3):
                yield b"data: %f\n\n" % time.monotonic()
                time.sleep(0.2)

        return Answer(200, pieces(), {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})

    gaps: list[float] = []
    deployment.api.answer("/api/events/stream", stream)
    with httpx.stream("GET", deployment.nginx.url + "/api/events/stream", timeout=10) as answer:
        sent = (line.removeprefix("data: ") for line in answer.iter_lines() if line)
        gaps.extend(time.monotonic() - float(moment) for moment in sent)
    assert len(gaps) == 3
    assert max(gaps) < 0.15


def test_when_the_api_is_away_the_answer_says_so_and_the_ui_goes_on() -> None:
    with Deployment() as deployment:
        deployment.api.stop()
        answer = deployment.nginx.request("POST", "/api/runs/bulk", json={})
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert "logs/api.log" in answer.json()["detail"]
        assert deployment.nginx.get("/").text == "ui"


@pytest.mark.parametrize("taken_off", [False, True], ids=["prefix kept", "prefix taken off"])
def test_under_a_prefix_it_answers_whether_or_not_the_outer_proxy_takes_it_off(taken_off: bool) -> None:
    prefix = "" if taken_off else "/apps/demo"
    with Deployment(base_path="/apps/demo") as deployment:
        assert deployment.nginx.get(prefix + "/api/runs/a%2Fb?q=1").text == "api"
        assert deployment.api.calls[0].target == "/api/runs/a%2Fb?q=1"
        assert deployment.api.calls[0].headers["x-forwarded-prefix"] == "/apps/demo"
        assert deployment.nginx.get(prefix + "/docs").text == "api"
        assert deployment.nginx.get(prefix + "/tasks?run=1").text == "ui"
        assert deployment.nginx.get(prefix + "/_stcore/health").text == "ui"
        assert [c.target for c in deployment.ui.calls] == ["/apps/demo/tasks?run=1", "/apps/demo/_stcore/health"]
        assert deployment.nginx.get(prefix + "/api/internal/wake").status_code == 404
        assert deployment.nginx.get(prefix + "/_stcore/metrics").status_code == 404


def test_the_bare_prefix_leads_to_the_app() -> None:
    with Deployment(base_path="/apps/demo") as deployment:
        answer = deployment.nginx.get("/apps/demo")
    assert answer.status_code == 308
    assert answer.headers["location"] == "/apps/demo/"


def test_a_sign_in_link_never_stands_in_the_log(deployment: Deployment) -> None:
    deployment.api.answer("/api/sign-in", lambda _: Answer(401, b"no"))
    deployment.nginx.get("/api/sign-in?link=octl_secret")
    wait_until(lambda: "GET /api/sign-in 401" in deployment.nginx.log, what="the line in the log")
    assert "octl_secret" not in deployment.nginx.log
