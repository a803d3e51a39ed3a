"""What every service backend must do: hooks, caches, pools and programs of a real supervisord."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from octostar_runtime.idle.backends.caches import CacheBackend
from octostar_runtime.idle.backends.hooks import HookBackend
from octostar_runtime.idle.backends.pools import PoolBackend
from octostar_runtime.idle.backends.programs import ProgramBackend, ProgramWatch
from octostar_runtime.idle.health import port_is_open
from octostar_runtime.idle.services import Phase, ServiceBackend, ServiceRegistry
from octostar_runtime.idle.supervisor import SupervisorClient, SupervisorUnavailable
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.testing import wait_until
from tests.contracts.idle.supervised import Supervised


class OnePool:
    """The part of a task manager that a pool's backend uses."""

    def __init__(self) -> None:
        self.state = "open"

    def pools(self) -> list[PoolRecord]:
        return [PoolRecord(name="default", node_id="n", size=2, busy=0, queued=0, queue_limit=9, state=self.state)]

    def release(self, pool: str) -> None:
        self.state = "released"

    def resume(self, pool: str) -> None:
        self.state = "open"


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    running = Supervised(tmp_path_factory.mktemp("sv"))
    yield running
    running.close()


def program(supervised: Supervised, name: str) -> ProgramBackend:
    return ProgramBackend(supervised.client, name, node_id="n", health=lambda: supervised.address(name))


def nothing() -> None:
    """A hook that has nothing to do."""


MAKERS: dict[str, Callable[[Supervised], ServiceBackend]] = {
    "hook": lambda _: HookBackend("model", node_id="n", start=nothing, stop=nothing),
    "cache": lambda _: CacheBackend(node_id="n"),
    "pool": lambda _: PoolBackend(OnePool(), "default", node_id="n"),
    "program": lambda supervised: program(supervised, "calm"),
}


@pytest.fixture(params=sorted(MAKERS))
def backend(request: pytest.FixtureRequest, supervised: Supervised) -> Iterator[ServiceBackend]:
    made = MAKERS[request.param](supervised)
    made.stop(timeout_s=10)
    yield made
    made.stop(timeout_s=10)


def started(backend: ServiceBackend) -> None:
    backend.start(timeout_s=10)
    wait_until(lambda: backend.probe().phase is Phase.RUNNING, timeout_s=15, what="RUNNING")


def test_it_runs_after_a_start_and_is_stopped_after_a_stop(backend: ServiceBackend) -> None:
    assert backend.probe().phase is Phase.STOPPED
    started(backend)
    backend.stop(timeout_s=10)
    assert backend.probe().phase is Phase.STOPPED
    started(backend)


def test_a_second_start_of_what_runs_is_harmless(backend: ServiceBackend) -> None:
    started(backend)
    pid = backend.probe().pid
    backend.start(timeout_s=10)
    assert backend.probe().phase is Phase.RUNNING
    assert backend.probe().pid == pid


def test_a_second_stop_is_harmless(backend: ServiceBackend) -> None:
    backend.stop(timeout_s=10)
    backend.stop(timeout_s=10)
    assert backend.probe().phase is Phase.STOPPED


def test_a_drain_that_is_called_off_leaves_it_running(backend: ServiceBackend) -> None:
    started(backend)
    backend.drain(True, timeout_s=5)
    backend.drain(False, timeout_s=5)
    assert backend.probe().phase is Phase.RUNNING


def test_the_log_is_text_of_at_most_so_many_lines(backend: ServiceBackend) -> None:
    started(backend)
    assert len(backend.log_tail(3).splitlines()) <= 3


def test_a_start_and_a_stop_leave_something_to_read(backend: ServiceBackend) -> None:
    started(backend)
    backend.stop(timeout_s=10)
    assert backend.log_tail(500).strip()


def test_what_a_program_says_to_standard_error_is_in_its_log_too(supervised: Supervised) -> None:
    backend = ProgramBackend(supervised.client, "chatty", node_id="n")
    backend.start(timeout_s=5)
    wait_until(lambda: "to stderr" in backend.log_tail(500), timeout_s=15, what="both logs")
    assert "to stdout" in backend.log_tail(500)


def test_a_program_that_has_done_its_work_is_stopped_and_not_failed(supervised: Supervised) -> None:
    backend = ProgramBackend(supervised.client, "chatty", node_id="n")
    backend.start(timeout_s=5)
    wait_until(lambda: backend.probe().phase is Phase.STOPPED, timeout_s=15, what="its end")
    assert backend.probe().error is None


def test_12_a_program_that_ignores_term_is_stopped_with_its_grandchild_and_its_port(supervised: Supervised) -> None:
    backend = program(supervised, "stubborn")
    started(backend)
    pid = backend.probe().pid
    assert pid is not None
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert len(tree) > 1
    backend.stop(timeout_s=0.5)
    assert not [p for p in tree if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert not port_is_open(supervised.address("stubborn"))
    assert backend.probe().phase is Phase.STOPPED


def test_a_healthy_program_is_ready_before_supervisor_calls_it_running(supervised: Supervised) -> None:
    backend = program(supervised, "calm")
    started(backend)
    backend.stop(timeout_s=10)


def test_a_program_that_ends_at_once_has_failed_and_says_how(supervised: Supervised) -> None:
    backend = ProgramBackend(supervised.client, "broken", node_id="n")
    backend.start(timeout_s=5)
    wait_until(lambda: backend.probe().phase is Phase.FAILED, timeout_s=15, what="FAILED")
    assert backend.probe().error


def test_programs_of_the_configuration_become_services_and_the_machinery_does_not(supervised: Supervised) -> None:
    registry = ServiceRegistry()
    ProgramWatch(supervised.client, registry, node_id="n", leave_out=frozenset({"broken"})).turn()
    assert {backend.info.name for backend in registry.all()} == {"calm", "stubborn", "chatty"}


def test_a_supervisor_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    client = SupervisorClient(tmp_path / "nobody.sock")
    with pytest.raises(SupervisorUnavailable, match=r"main\.sh"):
        client.processes()
