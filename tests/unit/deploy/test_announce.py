"""Waiting for readiness."""

from octostar_runtime.deploy.announce import wait_ready
from tests.support.ports import free_port
from tests.support.stub_server import Answer, StubServer


def test_it_waits_until_every_address_has_answered_200() -> None:
    with StubServer("a") as first, StubServer("b") as second:
        answers = iter([503, 503, 200])
        second.answer("/health", lambda _: Answer(next(answers)))
        urls = [f"http://127.0.0.1:{first.port}/", f"http://127.0.0.1:{second.port}/health"]
        assert wait_ready(urls, alive=lambda: True, patience_s=10)
        assert len(second.calls) == 3
        assert len(first.calls) == 1


def test_it_gives_up_when_the_launcher_is_gone() -> None:
    assert not wait_ready([f"http://127.0.0.1:{free_port()}/"], alive=lambda: False, patience_s=60)


def test_it_gives_up_after_its_patience() -> None:
    assert not wait_ready([f"http://127.0.0.1:{free_port()}/"], alive=lambda: True, patience_s=0.2)


def test_waiting_never_counts_as_activity() -> None:
    with StubServer() as stub:
        wait_ready([f"http://127.0.0.1:{stub.port}/"], alive=lambda: True)
        assert stub.calls[0].headers["x-no-track-activity"] == "1"
