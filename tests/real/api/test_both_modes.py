"""The same paths answer in both modes, and an open stream never keeps a server from ending."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from octostar_runtime.testing import wait_until
from tests.support.running_app import RunningApp

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(150)]

PATHS = {
    "/api/health": (200, "application/json"),
    "/api/version": (200, "application/json"),
    "/api/me": (401, "application/problem+json"),
    "/api/nothing/here": (404, "application/problem+json"),
    "/api": (404, "application/problem+json"),
    "/docs": (200, "text/html; charset=utf-8"),
    "/openapi.json": (200, "application/json"),
}


@pytest.fixture(params=[False, True], ids=["embedded", "full"])
def app(request: pytest.FixtureRequest) -> Iterator[RunningApp]:
    with RunningApp(nginx=request.param) as running:
        yield running


def test_equal_paths_in_both_modes_and_a_stream_that_ends_with_the_server(app: RunningApp) -> None:
    told = {path: app.get(path) for path in PATHS}
    assert {path: (got.status_code, got.headers["content-type"]) for path, got in told.items()} == PATHS
    assert told["/openapi.json"].json()["info"]["title"] == "Octostar runtime"
    assert httpx.get(app.url + "/api/me", headers={"Cookie": app.sign_in()}).json()["role"] == "admin"

    lines: list[str] = []
    ended = threading.Event()

    def listen() -> None:
        headers = {"Authorization": f"Bearer {app.token}"}
        try:
            with httpx.stream("GET", app.url + "/api/events/stream", headers=headers, timeout=60) as stream:
                for line in stream.iter_lines():
                    lines.append(line)  # noqa: PERF402 - seen as they come
        except httpx.HTTPError:
            pass
        finally:
            ended.set()

    started = threading.Thread(target=listen, daemon=True)
    started.start()
    wait_until(lambda: lines, what="the stream to open")
    app.stop(timeout_s=20)
    assert ended.wait(5)
    started.join(5)
