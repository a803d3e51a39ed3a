"""Services of other nodes are driven through commands."""

from collections.abc import Callable, Mapping

from octostar_runtime.idle.controller import IdleController
from octostar_runtime.idle.observation import Observation, RemoteService
from octostar_runtime.idle.services import ServiceRegistry
from octostar_runtime.ids import new_id
from octostar_runtime.models.commands import CommandRecord
from octostar_runtime.models.services import ServiceState
from tests.unit.idle.bench import Bench, FakeService

Handler = Callable[[CommandRecord], Mapping[str, object] | None]


class Wire:
    """A commander that knows every node's handlers and calls them at once."""

    def __init__(self, handlers: dict[str, dict[str, Handler]], node_id: str) -> None:
        self._all = handlers
        self._own = handlers.setdefault(node_id, {})

    def handle(self, kind: str, handler: Handler) -> None:
        self._own[kind] = handler

    def send(
        self,
        target: str,
        kind: str,
        args: Mapping[str, object],
        *,
        actor: str | None,
        reason: str | None = None,
        timeout_s: float = 5.0,
        key: str | None = None,
    ) -> CommandRecord:
        command = CommandRecord(
            command_id=new_id(), target=target, kind=kind, args=args, actor=actor, reason=reason, at=0, expires_at=0
        )
        result = self._all[target][kind](command) or {}
        return CommandRecord(
            command_id=command.command_id, target=target, kind=kind, args=args, actor=actor, reason=reason, at=0,
            expires_at=0, result=result,
        )  # fmt: skip


def test_the_leader_stops_and_wakes_a_hook_of_another_node() -> None:
    handlers: dict[str, dict[str, Handler]] = {}
    bench = Bench()
    hook = FakeService("model", node_id="ui-1")
    there = ServiceRegistry()
    there.add(hook)

    def controller(node_id: str, registry: ServiceRegistry, remote: tuple[RemoteService, ...]) -> IdleController:
        return IdleController(
            node_id=node_id,
            clock=bench.clock,
            documents=bench.documents,
            leases=bench.leases,
            sink=bench,
            backends=registry,
            observe=lambda: Observation(remote=remote),
            candidate=node_id == "api-1",
            commander=Wire(handlers, node_id),
        )

    ui = controller("ui-1", there, ())
    assert ui.announce() == [{"name": "model", "kind": "hook"}]
    bench.leases.rows.clear()
    found = RemoteService(node_id="ui-1", node_kind="ui", name="model", kind="hook")
    bench.controller = controller("api-1", ServiceRegistry(), (found,))
    bench.tick()
    bench.save({"warn_before": 0, "min_uptime": 0, "check_interval": 1, "services": {"model": {"idle_after": 5}}})
    ui.start()
    try:
        bench.run(15)
        assert bench.state("model") is ServiceState.STOPPED
        assert hook.processes == 0
        wake = bench.controller.wake("model")
        bench.run(5)
        assert wake.wait(0)
        assert hook.processes == 1
    finally:
        ui.stop()


def test_a_node_that_does_not_answer_makes_its_services_unknown() -> None:
    bench = Bench()
    bench.leases.rows.clear()
    lost = RemoteService(node_id="gone", node_kind="ui", name="model", kind="hook")
    bench.controller = IdleController(
        node_id="api-1",
        clock=bench.clock,
        documents=bench.documents,
        leases=bench.leases,
        sink=bench,
        observe=lambda: Observation(remote=(lost,)),
        commander=Wire({"gone": {}}, "api-1"),
    )
    bench.run(700)
    assert bench.state("model") is ServiceState.UNKNOWN
