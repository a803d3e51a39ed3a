"""What nginx asks before it lets a request wait: one start for all, a bound on how many wait, and for how long."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from octostar_runtime.idle import HookBackend
from octostar_runtime.testing import wait_until
from tests.support.api_server import ApiServer, running_api

pytestmark = [pytest.mark.real, pytest.mark.timeout(90)]


class Model:
    """A hook that starts when the test lets it."""

    def __init__(self) -> None:
        self.starts = 0
        self.may_start = threading.Event()
        self.may_start.set()

    def start(self) -> None:
        self.starts += 1
        if not self.may_start.wait(30):
            raise RuntimeError("the test never let it start")

    def stop(self) -> None:
        """Nothing to take down."""


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def server(tmp_path: Path, model: Model) -> Iterator[ApiServer]:
    with running_api(tmp_path) as running:
        node_id = running.runtime.node.node_id
        running.runtime.services.add(HookBackend("model", node_id=node_id, start=model.start, stop=model.stop))
        yield running
        model.may_start.set()


def wake(server: ApiServer, *, person: bool = False, service: str = "model") -> httpx.Response:
    headers = {"X-Octostar-Wake": "page"} if person else {}
    return httpx.get(f"{server.url}/api/internal/wake", params={"service": service}, headers=headers, timeout=60)


def use(server: ApiServer, **policy: object) -> None:
    _, version = server.runtime.idle.policy()
    server.runtime.idle.save_policy({"check_interval": 0.2, **policy}, version, "test")


def test_forty_at_once_make_one_start_and_all_are_let_through(server: ApiServer, model: Model) -> None:
    use(server)
    with ThreadPoolExecutor(40) as crowd:
        answers = list(crowd.map(lambda _: wake(server).status_code, range(40)))
    assert answers == [204] * 40
    assert model.starts == 1


def test_one_that_does_not_come_up_in_time_is_answered_with_when_to_ask_again(server: ApiServer, model: Model) -> None:
    use(server, wake_hold_max=1)
    model.may_start.clear()
    began = time.monotonic()
    answer = wake(server)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert 0.8 < time.monotonic() - began < 10
    model.may_start.set()
    assert wake(server).status_code == 204
    assert model.starts == 1, "who asked later joined the start under way"


def test_people_wait_no_longer_than_until_the_waiting_page(server: ApiServer, model: Model) -> None:
    use(server, wake_hold_max=50, wake_page_after=0.5)
    model.may_start.clear()
    began = time.monotonic()
    assert wake(server, person=True).status_code == 503
    assert time.monotonic() - began < 10


def test_with_the_strategy_page_people_get_it_at_once_and_the_start_is_under_way(
    server: ApiServer, model: Model
) -> None:
    use(server, wake_strategy="page")
    model.may_start.clear()
    assert wake(server, person=True).status_code == 503
    wait_until(lambda: model.starts == 1, what="the start")


def test_no_more_wait_than_the_policy_allows(server: ApiServer, model: Model) -> None:
    use(server, wake_max_pending=2, wake_hold_max=30)
    model.may_start.clear()
    with ThreadPoolExecutor(2) as crowd:
        held = [crowd.submit(wake, server) for _ in range(2)]
        wait_until(lambda: _held(server) == 2, what="two held requests")
        began = time.monotonic()
        assert wake(server).status_code == 503
        assert time.monotonic() - began < 5
        model.may_start.set()
        assert [answer.result(40).status_code for answer in held] == [204, 204]
    wait_until(lambda: _held(server) == 0, what="the end of the wait")


def test_what_fails_to_start_is_told_without_waiting_for_the_limit(server: ApiServer, model: Model) -> None:
    use(server, start_retries=0, wake_hold_max=30)

    def fail() -> None:
        raise RuntimeError("no memory left")

    backend = server.runtime.services.all()[-1]
    assert isinstance(backend, HookBackend)
    backend.rebind(start=fail, stop=model.stop, healthy=None, busy=None)
    began = time.monotonic()
    assert wake(server).status_code == 503
    assert time.monotonic() - began < 15
    record = next(service for service in server.runtime.idle.services() if service.name == "model")
    assert "no memory left" in (record.error or "")


def test_an_unknown_service_is_told_as_such(server: ApiServer) -> None:
    assert wake(server, service="nothing").status_code == 404


def _held(server: ApiServer) -> int:
    with server.client() as client:
        lines = client.metrics().splitlines()
    return int(float(next(line for line in lines if line.startswith("octostar_wake_requests_held ")).split()[1]))
