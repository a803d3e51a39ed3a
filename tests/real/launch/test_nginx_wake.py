"""Waking a stopped UI through nginx: who wakes it, who is held, and what is never sent twice."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.nginx import EDGE_SECRET, Deployment
from tests.support.stub_server import Answer, Call, StubServer

pytestmark = pytest.mark.real
PERSON = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
FETCH = {"Accept": "*/*", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}


class Waker:
    """Plays the API's wake route: starts the UI once, holds everybody until it runs."""

    def __init__(self, deployment: Deployment, *, takes_s: float = 0.3) -> None:
        self.starts = 0
        self._deployment = deployment
        self._takes_s = takes_s
        self._lock = threading.Lock()
        deployment.api.answer("/api/internal/wake", self._wake)

    def _wake(self, _call: Call) -> Answer:
        with self._lock:
            if self._deployment.ui.starts == 0:
                self.starts += 1
                time.sleep(self._takes_s)
                self._deployment.ui.start()
        return Answer(204)


@pytest.fixture
def asleep() -> Iterator[Deployment]:
    """A deployment whose UI is stopped."""
    with Deployment(ui_runs=False) as running:
        yield running


def refuse(deployment: Deployment) -> Callable[[], int]:
    """Let the wake route answer that it did not get ready in time; returns how often it was asked."""
    deployment.api.answer("/api/internal/wake", lambda _: Answer(503, b"", {"Retry-After": "5"}))
    return lambda: sum(call.target.startswith("/api/internal/wake") for call in deployment.api.calls)


def test_opening_a_page_is_held_until_the_ui_answers(asleep: Deployment) -> None:
    waker = Waker(asleep)
    answer = asleep.nginx.get("/tasks?run=1", headers=PERSON)
    assert (answer.status_code, answer.text) == (200, "ui")
    assert waker.starts == 1
    assert [call.target for call in asleep.ui.calls] == ["/tasks?run=1"]


def test_the_wake_names_the_service_and_proves_that_it_comes_from_nginx(asleep: Deployment) -> None:
    Waker(asleep)
    asleep.nginx.get("/", headers={**PERSON, "X-Octostar-Wake": "forged", "Cookie": "octostar_signin=octs_x"})
    wake = next(call for call in asleep.api.calls if "wake" in call.target)
    assert wake.method == "GET"
    assert wake.target == "/api/internal/wake?service=ui"
    assert wake.headers["x-octostar-edge"] == EDGE_SECRET
    assert wake.headers["x-octostar-wake"] == "page"
    assert "cookie" not in wake.headers


def test_mode_10_forty_cold_requests_at_once_make_one_start_and_all_are_answered(asleep: Deployment) -> None:
    waker = Waker(asleep)
    with ThreadPoolExecutor(40) as crowd:
        answers = list(crowd.map(lambda n: asleep.nginx.get(f"/page-{n}", headers=PERSON), range(40)))
    assert [answer.status_code for answer in answers] == [200] * 40
    assert waker.starts == 1
    assert len(asleep.ui.calls) == 40


def test_a_post_that_nobody_has_read_is_held_and_answered_with_its_body(asleep: Deployment) -> None:
    Waker(asleep)
    answer = asleep.nginx.request("POST", "/hook", content=b"x" * 5 * 2**20)
    assert answer.status_code == 200
    assert [(call.method, len(call.body)) for call in asleep.ui.calls] == [("POST", 5 * 2**20)]


def test_mode_17_a_post_that_was_read_is_never_sent_twice() -> None:
    with Deployment() as deployment:
        asked = refuse(deployment)
        deployment.ui.answer("/charge", lambda _: Answer(hang_up=True))
        answer = deployment.nginx.request("POST", "/charge", content=b"amount=1")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert len(deployment.ui.calls) == 1
        assert asked() == 0


def test_mode_22_an_open_tab_wakes_nothing(asleep: Deployment) -> None:
    asked = refuse(asleep)
    for path in ("/_stcore/health", "/_stcore/host-config", "/_stcore/stream", "/_stcore/../_stcore/health"):
        answer = asleep.nginx.get(path, headers=FETCH)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        # not even when it claims to be a navigation
        assert asleep.nginx.get(path, headers=PERSON).status_code == 503
    for dest in ("script", "style", "image", "font", "empty", "websocket"):
        answer = asleep.nginx.get("/static/js/index.js", headers={"Sec-Fetch-Dest": dest})
        assert answer.status_code == 503
    assert asleep.nginx.get("/", headers={"X-No-Track-Activity": "1"}).status_code == 503
    assert asked() == 0


@pytest.mark.parametrize("dest", ["document", "iframe", None])
def test_a_navigation_wakes_also_inside_a_frame_and_without_fetch_metadata(
    asleep: Deployment, dest: str | None
) -> None:
    waker = Waker(asleep, takes_s=0)
    headers = {"Accept": "text/html"} | ({"Sec-Fetch-Dest": dest} if dest else {})
    assert asleep.nginx.get("/", headers=headers).status_code == 200
    assert waker.starts == 1


def test_people_who_wait_too_long_get_a_page_that_reloads_itself(asleep: Deployment) -> None:
    refuse(asleep)
    answer = asleep.nginx.get("/tasks", headers=PERSON)
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'http-equiv="refresh"' in answer.text
    assert '<a href="">' in answer.text  # the same page again, under whatever prefix


def test_programs_that_wait_too_long_get_problem_details(asleep: Deployment) -> None:
    refuse(asleep)
    answer = asleep.nginx.get("/tasks", headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 503
    assert int(answer.headers["retry-after"]) > 0


def test_with_the_api_away_too_people_get_the_waiting_page(asleep: Deployment) -> None:
    asleep.api.stop()
    answer = asleep.nginx.get("/", headers=PERSON)
    assert answer.status_code == 503
    assert 'http-equiv="refresh"' in answer.text


def test_under_a_prefix_the_woken_page_is_the_one_that_was_asked_for() -> None:
    with Deployment(ui_runs=False, base_path="/apps/demo") as deployment:
        Waker(deployment)
        assert deployment.nginx.get("/apps/demo/pool?x=1", headers=PERSON).text == "ui"
        assert deployment.ui.calls[-1].target == "/apps/demo/pool?x=1"


def test_an_operators_own_program_is_woken_in_the_same_way() -> None:
    with StubServer("unused") as model:
        model.stop()
        location = f"""
        location /model/ {{
            set $octostar_service model;
            set $octostar_upstream 127.0.0.1:{model.port}$inner_uri;
            proxy_pass http://$octostar_upstream;
            error_page 502 = @wake;
        }}
        """
        with Deployment(locations=location) as deployment:

            def wake(_call: Call) -> Answer:
                model.start()
                return Answer(204)

            deployment.api.answer("/api/internal/wake", wake)
            answer = deployment.nginx.request("POST", "/model/predict", json={"x": 1})
            assert answer.status_code == 200
            assert deployment.api.calls[-1].target == "/api/internal/wake?service=model"
            assert [call.target for call in model.calls] == ["/model/predict"]


def test_a_held_request_ends_when_its_client_gives_up(asleep: Deployment) -> None:
    released = threading.Event()
    asleep.api.answer("/api/internal/wake", lambda _: Answer(204 if released.wait(10) else 503))
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(asleep.nginx.url, headers=PERSON, timeout=0.5)
    released.set()
    assert asleep.nginx.get("/api/health").text == "api"
