"""The small protocol behind everything the idle policy can stop and start.

A backend is driven by one lane at a time (never two calls at once), from the lane's thread. Its calls may block for
about the given time and may raise; what they raise becomes the service's error text.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from octostar_runtime.errors import InvalidInput


class Phase(StrEnum):
    """What a probe found, whatever the state machine believes."""

    RUNNING = "running"  # up and healthy
    STARTING = "starting"  # up, not healthy yet
    STOPPING = "stopping"
    STOPPED = "stopped"  # verified: nothing of it is left
    FAILED = "failed"  # it ended by itself, or gave up starting


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The answer of one probe. ``busy`` counts work under way that only the backend can see."""

    phase: Phase
    pid: int | None = None
    busy: int = 0
    error: str | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInfo:
    """What a service is. ``depends_on`` is the default; the policy may name others."""

    name: str
    kind: str  # "pool" | "hook" | "cache" | "program" | "container"
    node_id: str
    depends_on: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Unique in the fleet."""
        return f"{self.name}@{self.node_id}"


class ServiceBackend(Protocol):
    """What the controller asks of a service."""

    @property
    def info(self) -> ServiceInfo: ...

    def probe(self) -> Probe:
        """Look, now. Raising means: not known."""
        ...

    def start(self, *, timeout_s: float) -> None:
        """Ask it to start; readiness is seen by probes. Must be harmless when it already runs."""
        ...

    def drain(self, on: bool, *, timeout_s: float) -> None:
        """Refuse new work and let go of what it has (True), or take work again (False)."""
        ...

    def stop(self, *, timeout_s: float) -> None:
        """Stop it, hard after ``timeout_s``; returns only when nothing of it is left, else raises."""
        ...

    def log_tail(self, lines: int) -> str:
        """Return the newest lines of its log; empty when it keeps none."""
        ...


class ServiceRegistry:
    """The services of this process; they may be registered before, or while, the controller runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._backends: dict[str, ServiceBackend] = {}
        self._listeners: tuple[Callable[[], object], ...] = ()

    def add(self, backend: ServiceBackend, *, replace: bool = False) -> None:
        """Register a backend under its name. A script that is run again may replace what it registered."""
        name = backend.info.name
        if not name or any(character in name for character in "@/ ?#"):
            raise InvalidInput(f"{name!r} is no name for a service; use letters, digits, '-', '_', '.' or ':'")
        with self._lock:
            if name in self._backends and not replace:
                raise InvalidInput(f"a service is already registered as {name!r}; use another name, or replace=True")
            self._backends[name] = backend
        self._tell()

    def remove(self, name: str) -> None:
        """Forget a service; what runs is left running."""
        with self._lock:
            self._backends.pop(name, None)
        self._tell()

    def all(self) -> tuple[ServiceBackend, ...]:
        """Return the registered backends, oldest first."""
        with self._lock:
            return tuple(self._backends.values())

    def on_change(self, listener: Callable[[], object]) -> None:
        """Call ``listener`` after every change, in the thread that made it."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
