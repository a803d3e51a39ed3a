"""supervisord's XML-RPC on its unix socket: the few calls we need, each on a connection of its own.

supervisord answers in about 2 ms, also while it waits for a program to start, because we never ask it to wait.
"""

import http.client
import socket
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octostar_runtime.errors import OctostarRuntimeError

#: Fault codes of supervisord that mean "it is so already".
ALREADY_STARTED, NOT_RUNNING = 60, 70
#: The one that means "it has no such log".
NO_FILE = 20
LOG_BYTES_PER_LINE = 400


class SupervisorUnavailable(OctostarRuntimeError, RuntimeError):
    """supervisord does not answer on its socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What supervisord knows of a program. ``state`` is its own word: RUNNING, STARTING, BACKOFF, FATAL, ..."""

    name: str
    group: str
    state: str
    pid: int | None
    error: str | None
    exit_status: int

    @property
    def full_name(self) -> str:
        """The name as supervisord's calls want it."""
        return self.name if self.group == self.name else f"{self.group}:{self.name}"


class SupervisorClient:
    """Calls to one supervisord. Thread-safe: nothing is kept between calls."""

    def __init__(self, socket_path: Path, *, timeout_s: float = 5.0) -> None:
        self.socket_path = socket_path
        self._timeout_s = timeout_s

    def processes(self) -> Sequence[Process]:
        """Return all programs."""
        return [_process(info) for info in self._call("supervisor.getAllProcessInfo")]

    def process(self, name: str) -> Process:
        """Return one program."""
        return _process(self._call("supervisor.getProcessInfo", name))

    def start(self, name: str) -> None:
        """Ask for a start without waiting; harmless when it runs."""
        self._call("supervisor.startProcess", name, False, allowed=ALREADY_STARTED)

    def stop(self, name: str) -> None:
        """Ask for a stop (TERM, and KILL after stopwaitsecs) without waiting; harmless when it is stopped."""
        self._call("supervisor.stopProcess", name, False, allowed=NOT_RUNNING)

    def kill(self, name: str) -> None:
        """Send KILL."""
        self._call("supervisor.signalProcess", name, "KILL", allowed=NOT_RUNNING)

    def shutdown(self) -> None:
        """End supervisord and everything under it."""
        self._call("supervisor.shutdown")

    def log_tail(self, name: str, lines: int) -> str:
        """Return the newest lines of the program's log; of both, where its errors go to one of their own."""
        said, errors = self._tail("Stdout", name, lines), self._tail("Stderr", name, lines)
        if not errors:
            return said
        return f"{said}---- standard error ----\n{errors}" if said else errors

    def _tail(self, stream: str, name: str, lines: int) -> str:
        told = self._call(f"supervisor.tailProcess{stream}Log", name, 0, lines * LOG_BYTES_PER_LINE, allowed=NO_FILE)
        text = str(told[0]) if told else ""
        return "".join(text.splitlines(keepends=True)[-lines:])

    def _call(self, method: str, *args: object, allowed: int | None = None) -> Any:
        try:
            with xmlrpc.client.ServerProxy(
                "http://127.0.0.1", _UnixTransport(self.socket_path, self._timeout_s)
            ) as proxy:
                return getattr(proxy, method)(*args)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == allowed:
                return None
            raise SupervisorUnavailable(f"supervisord refused {method} {args[:1]}: {fault.faultString}") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            message = f"supervisord does not answer on {self.socket_path}: {error}; is main.sh running?"
            raise SupervisorUnavailable(message) from None


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("127.0.0.1", timeout=timeout_s)
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout_s)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over such a connection."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__()
        self._path = path
        self._timeout_s = timeout_s

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path, self._timeout_s)
        self._connection = (host, connection)  # where the base class looks for what it is to close
        return connection


def _process(info: dict[str, Any]) -> Process:
    return Process(
        name=str(info["name"]),
        group=str(info["group"]),
        state=str(info["statename"]),
        pid=int(info["pid"]) or None,
        error=str(info["spawnerr"]) or None,
        exit_status=int(info["exitstatus"]),
    )
