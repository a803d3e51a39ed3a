"""A supervisor program as a service: the UI itself, a model server, Dask workers.

RUNNING in supervisord only means "lived startsecs", and STARTING may be healthy long before: where there is a health
address, it decides. Stopped means that every process seen in the program's tree is gone and its port is closed.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.idle.health import check, port_is_open
from octostar_runtime.idle.services import Phase, Probe, ServiceInfo, ServiceRegistry
from octostar_runtime.idle.supervisor import Process, SupervisorClient, SupervisorUnavailable

#: Programs that are the machinery itself.
ESSENTIAL = frozenset({"api", "nginx"})
_POLL_S = 0.05
#: After KILL the kernel needs a moment; more than this means that something is badly wrong.
_KILLED_WITHIN_S = 5.0

_PHASES = {
    "RUNNING": Phase.RUNNING,
    "STARTING": Phase.STARTING,
    "BACKOFF": Phase.STARTING,
    "STOPPING": Phase.STOPPING,
    "STOPPED": Phase.STOPPED,
    "EXITED": Phase.FAILED,
    "FATAL": Phase.FAILED,
}


class StopFailed(OctostarRuntimeError, RuntimeError):
    """Something of the program is still there."""


class ProgramBackend:
    """One program of a supervisord. ``health`` returns the address to probe, or None (asked anew each time)."""

    def __init__(
        self,
        client: SupervisorClient,
        name: str,
        *,
        node_id: str,
        health: Callable[[], str | None] = lambda: None,
        depends_on: tuple[str, ...] = (),
    ) -> None:
        self.info = ServiceInfo(name=name.replace("/", "-"), kind="program", node_id=node_id, depends_on=depends_on)
        self._client = client
        self._program = name
        self._health = health
        self._tree: dict[int, psutil.Process] = {}

    def probe(self) -> Probe:
        """Ask supervisord for the state and the health address for the rest."""
        process = self._client.process(self._program)
        phase = _phase_of(process)
        if phase is None:
            raise SupervisorUnavailable(f"supervisord says {process.state} of {self._program}")
        if process.pid is not None:
            self._remember(process.pid)
        if phase in {Phase.RUNNING, Phase.STARTING} and process.pid is not None:
            return self._probe_health(process, phase)
        return Probe(phase=phase, pid=process.pid, error=_error_of(process, phase))

    def _probe_health(self, process: Process, phase: Phase) -> Probe:
        address = self._health()
        if address is None:
            return Probe(phase=phase, pid=process.pid)
        trouble = check(address)
        return Probe(phase=Phase.STARTING if trouble else Phase.RUNNING, pid=process.pid, error=trouble)

    def start(self, *, timeout_s: float) -> None:
        """Ask supervisord; the probes tell when it is there."""
        self._client.start(self._program)

    def drain(self, on: bool, *, timeout_s: float) -> None:
        """Nothing to do: who uses a program is seen by sessions, tasks and requests."""

    def stop(self, *, timeout_s: float) -> None:
        """TERM, then KILL after ``timeout_s``; raises StopFailed while any process or its port is left."""
        process = self._client.process(self._program)
        if process.pid is not None:
            self._remember(process.pid)
        self._client.stop(self._program)
        if not self._gone_within(timeout_s):
            with contextlib.suppress(SupervisorUnavailable):
                self._client.kill(self._program)
            for member in self._tree.values():
                with contextlib.suppress(psutil.Error):
                    member.kill()
            if not self._gone_within(_KILLED_WITHIN_S):
                raise StopFailed(f"{self._program!r} is still there: {self._remains()}")
        self._tree = {}

    def log_tail(self, lines: int) -> str:
        """Return the end of the program's log; supervisord bounds and rotates it."""
        return self._client.log_tail(self._program, lines)

    def _remember(self, pid: int) -> None:
        """Keep the program's whole tree, so that a grandchild that outlives its parent is found again."""
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(pid)
            for member in (parent, *parent.children(recursive=True)):
                self._tree.setdefault(member.pid, member)
        self._tree = {pid: member for pid, member in self._tree.items() if _alive(member)}

    def _gone_within(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self._remains():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _remains(self) -> str:
        """What is left of it, in words; empty when nothing is."""
        state = self._client.process(self._program).state
        if state not in {"STOPPED", "EXITED", "FATAL"}:
            return f"supervisord says {state}"
        pids = [pid for pid, member in self._tree.items() if _alive(member)]
        if pids:
            return f"processes {', '.join(map(str, pids))}"
        address = self._health()
        return f"somebody listens at {address}" if address is not None and port_is_open(address) else ""


class ProgramWatch:
    """Keeps the registry equal to supervisord's programs, so that one an operator adds becomes a service."""

    def __init__(
        self,
        client: SupervisorClient,
        registry: ServiceRegistry,
        *,
        node_id: str,
        health: Callable[[str], str | None] = lambda name: None,
        leave_out: frozenset[str] = ESSENTIAL,
    ) -> None:
        self._client = client
        self._registry = registry
        self._node_id = node_id
        self._health = health
        self._leave_out = leave_out
        self._known: frozenset[str] = frozenset()

    def turn(self) -> None:
        """Look once; supervisord being away changes nothing."""
        try:
            names = frozenset(p.full_name for p in self._client.processes() if p.name not in self._leave_out)
        except SupervisorUnavailable:
            return
        for name in names - self._known:
            self._registry.add(self._backend(name), replace=True)
        for name in self._known - names:
            self._registry.remove(name)
        self._known = names

    def _backend(self, name: str) -> ProgramBackend:
        return ProgramBackend(self._client, name, node_id=self._node_id, health=lambda: self._health(name))


def supervised(socket_path: Path) -> SupervisorClient | None:
    """Return a client when a supervisord listens there."""
    client = SupervisorClient(socket_path)
    try:
        client.processes()
    except SupervisorUnavailable:
        return None
    return client


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _phase_of(process: Process) -> Phase | None:
    """Return what supervisord's word means here. One that did what it had to do and left with 0 has not failed."""
    if process.state == "EXITED" and process.exit_status == 0:
        return Phase.STOPPED
    return _PHASES.get(process.state)


def _error_of(process: Process, phase: Phase) -> str | None:
    if phase is not Phase.FAILED:
        return process.error
    return process.error or f"it ended with exit code {process.exit_status}"
