"""The API behind the nginx it is deployed with: large files, early refusals, live events."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from octostar_runtime.client import ApiRefused, Client
from octostar_runtime.testing import wait_until
from tests.support.api_server import ApiServer
from tests.support.nginx import Nginx
from tests.support.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
MB = 1 << 20


@pytest.fixture(scope="module")
def edge(server: ApiServer) -> Iterator[Nginx]:
    port = urlsplit(server.url).port
    assert port is not None
    with Nginx(ui=free_port(), api=port) as nginx:
        yield nginx


@pytest.fixture(scope="module")
def large_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "large.csv"
    block = b"".join(b"%d,city-%d,%d.5,some words that stand for a remark\n" % (n, n % 7, n) for n in range(20_000))
    with path.open("wb") as file:
        file.write(b"id,city,amount,remark\n")
        while file.tell() < 120 * MB:
            file.write(block)
    return path


def test_a_file_of_120_mb_is_profiled_and_its_progress_can_be_followed(
    server: ApiServer, edge: Nginx, large_csv: Path
) -> None:
    with Client(edge.url, server.token()) as client:
        call = client.call("profile-csv", files={"file": large_csv}, chunk_rows=50_000)
        seen: list[tuple[float, int]] = []

        def ended() -> bool:
            now = client.result(call.run_id)
            if now.progress is not None and now.data:
                seen.append((now.progress, now.data["rows"]))
            return now.final

        wait_until(ended, timeout_s=100, what="the profile")
        data = client.result(call.run_id).data
    assert data["finished"]
    assert [column["name"] for column in data["columns"]] == ["id", "city", "amount", "remark"]
    assert seen == sorted(seen)
    assert any(0.0 < progress < 1.0 for progress, _ in seen)
    assert seen[-1] == (1.0, data["rows"])


def test_a_file_of_128_mb_is_taken_and_one_of_129_is_refused_as_a_problem(
    server: ApiServer, edge: Nginx, tmp_path: Path
) -> None:
    file = tmp_path / "file.bin"
    with Client(edge.url, server.token()) as client:
        file.write_bytes(b"x" * (128 * MB))
        assert client.call("measure", files={"file": file}, wait_s=30).result().data["size"] == 128 * MB
        file.write_bytes(b"x" * (129 * MB))
        with pytest.raises(ApiRefused, match="at most 128 MB") as refused:
            client.call("measure", files={"file": file})
    assert refused.value.status == 413
    assert refused.value.problem["type"] == "urn:octostar:problem:too-large"


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/api/functions/measure", "octt_of_nobody", 401),
        ("/api/functions/unknown", None, 404),
        ("/api/runs/cancel", None, 413),
    ],
)
def test_a_refusal_arrives_whole_while_the_body_is_still_coming(
    server: ApiServer, edge: Nginx, path: str, token: str | None, status: int
) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * MB

    headers = {
        "Authorization": f"Bearer {token or server.token()}",
        "Content-Type": "multipart/form-data; boundary=b" if "functions" in path else "application/json",
    }
    for _ in range(3):
        answer = httpx.post(edge.url + path, content=body(), headers=headers, timeout=60)
        assert answer.status_code == status
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_an_event_reaches_a_listener_at_once(server: ApiServer, edge: Nginx) -> None:
    lines: list[tuple[float, str]] = []

    def listen() -> None:
        headers = {"Authorization": f"Bearer {server.token()}"}
        url = edge.url + "/api/events/stream"
        with httpx.stream("GET", url, params={"kind": "access."}, headers=headers, timeout=20) as stream:
            for line in stream.iter_lines():
                lines.append((time.monotonic(), line))
                if '"label":"the one"' in line:
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: lines, what="the stream to open")
    with server.client() as client:
        began = time.monotonic()
        client.make_token("the one")
    listener.join(10)
    assert not listener.is_alive()
    assert lines[-1][0] - began < 0.7
