"""Services of other nodes: the leader drives them by commands, and every node's agent carries those out.

The agent runs each call on the service's own lane, so that a command never meets a probe or another command.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Protocol

from octostar_runtime.errors import CommandFailed
from octostar_runtime.idle.observation import RemoteService
from octostar_runtime.idle.services import Phase, Probe, ServiceBackend, ServiceInfo
from octostar_runtime.models.commands import CommandRecord
from octostar_runtime.ports import Commander

#: Added to a call's own time limit for the way there and back.
TRAVEL_S = 5.0


class RemoteBackend:
    """One service of another node. ``name`` is unique here; commands use the name it has there."""

    def __init__(self, commander: Commander, service: RemoteService, *, name: str) -> None:
        self.info = ServiceInfo(name=name, kind=service.kind, node_id=service.node_id)
        self._commander = commander
        self._there = service.name

    def probe(self) -> Probe:
        """Ask the node; CommandFailed when it does not answer, which means: not known."""
        told = self._send("probe", {}, 0.0)
        error, pid = told.get("error"), told.get("pid")
        return Probe(
            phase=Phase(str(told["phase"])),
            busy=_whole(told.get("busy")),
            error=str(error) if error else None,
            pid=_whole(pid) if pid is not None else None,
        )

    def start(self, *, timeout_s: float) -> None:
        """Start it there."""
        self._send("start", {}, timeout_s)

    def drain(self, on: bool, *, timeout_s: float) -> None:
        """Drain it there, or call that off."""
        self._send("drain", {"on": on}, timeout_s)

    def stop(self, *, timeout_s: float) -> None:
        """Stop it there; raises while anything of it is left."""
        self._send("stop", {}, timeout_s)

    def log_tail(self, lines: int) -> str:
        """Fetch the end of its log."""
        return str(self._send("log", {"lines": lines}, 0.0).get("log", ""))

    def _send(self, what: str, args: Mapping[str, object], timeout_s: float) -> Mapping[str, object]:
        told = {**args, "service": self._there, "timeout_s": timeout_s}
        kind = f"service.node_{what}"
        limit_s = timeout_s + TRAVEL_S
        return self._commander.send(self.info.node_id, kind, told, actor=None, timeout_s=limit_s).result


class LaneOwner(Protocol):
    """Who runs calls of this node's services in order."""

    def on_lane(self, name: str, call: Callable[[ServiceBackend], object]) -> "Future[object]": ...


def register_agent(commander: Commander, owner: LaneOwner) -> None:
    """Let the leader drive this node's services."""

    def each(call: Callable[[ServiceBackend, CommandRecord], Mapping[str, object] | None]) -> None:
        kind = f"service.node_{call.__name__}"

        def handle(command: CommandRecord) -> Mapping[str, object]:
            name, limit_s = str(command.args.get("service", "")), _seconds(command) + TRAVEL_S
            answer = owner.on_lane(name, lambda backend: call(backend, command))
            try:
                return _told(answer.result(limit_s))
            except TimeoutError:
                raise CommandFailed(f"service {name!r} is busy with an earlier call") from None

        commander.handle(kind, handle)

    def probe(backend: ServiceBackend, command: CommandRecord) -> Mapping[str, object]:
        found = backend.probe()
        return {"phase": found.phase.value, "busy": found.busy, "error": found.error, "pid": found.pid}

    def start(backend: ServiceBackend, command: CommandRecord) -> None:
        backend.start(timeout_s=_seconds(command))

    def drain(backend: ServiceBackend, command: CommandRecord) -> None:
        backend.drain(bool(command.args.get("on")), timeout_s=_seconds(command))

    def stop(backend: ServiceBackend, command: CommandRecord) -> None:
        backend.stop(timeout_s=_seconds(command))

    def log(backend: ServiceBackend, command: CommandRecord) -> Mapping[str, object]:
        return {"log": backend.log_tail(_whole(command.args.get("lines")) or 500)}

    for call in (probe, start, drain, stop, log):
        each(call)


def _seconds(command: CommandRecord) -> float:
    value = command.args.get("timeout_s")
    return float(value) if isinstance(value, int | float) else 0.0


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _told(answer: object) -> Mapping[str, object]:
    return answer if isinstance(answer, Mapping) else {}
