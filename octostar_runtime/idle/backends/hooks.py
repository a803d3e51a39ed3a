"""A service made of callables that an app registers: a model in memory, a connection, a child process of its own."""

import threading
from collections.abc import Callable

from octostar_runtime.errors import InvalidInput
from octostar_runtime.idle.service_log import ServiceLog
from octostar_runtime.idle.services import Phase, Probe, ServiceInfo


class HookBackend:
    """``start`` and ``stop`` are the app's; ``healthy`` may be left out. They run on the service's lane."""

    def __init__(
        self,
        name: str,
        *,
        node_id: str,
        start: Callable[[], object],
        stop: Callable[[], object],
        healthy: Callable[[], object] | None = None,
        busy: Callable[[], int] | None = None,
        running: bool = False,
        depends_on: tuple[str, ...] = (),
        log: ServiceLog | None = None,
    ) -> None:
        for what, function in (("start", start), ("stop", stop)):
            if not callable(function):
                raise InvalidInput(f"{what} of service {name!r} must be callable, not {function!r}")
        self.info = ServiceInfo(name=name, kind="hook", node_id=node_id, depends_on=depends_on)
        self._start = start
        self._stop = stop
        self._healthy = healthy
        self._busy = busy
        self._lock = threading.Lock()
        self._up = running
        self._log = log or ServiceLog(name)
        self._log.listen()

    def rebind(
        self,
        *,
        start: Callable[[], object],
        stop: Callable[[], object],
        healthy: Callable[[], object] | None,
        busy: Callable[[], int] | None,
    ) -> None:
        """Take the functions of a script that was run again; whether the service is up stays known."""
        self._start, self._stop, self._healthy, self._busy = start, stop, healthy, busy

    def probe(self) -> Probe:
        """Ask ``healthy``; without it, believe what start and stop returned."""
        healthy = bool(self._healthy()) if self._healthy is not None else None
        with self._lock:
            up = self._up
            if healthy and not up:
                self._up = up = True  # the app started it without us
        if not up:
            return Probe(phase=Phase.STOPPED)
        if healthy is False:
            return Probe(phase=Phase.STARTING, error="its health check says no")
        return Probe(phase=Phase.RUNNING, busy=self._busy() if self._busy is not None else 0)

    def start(self, *, timeout_s: float) -> None:
        """Call the app's ``start``."""
        with self._log.call("start"):
            self._start()
        with self._lock:
            self._up = True

    def drain(self, on: bool, *, timeout_s: float) -> None:
        """Nothing to do: a hook is used by sessions and tasks, which the controller sees by itself."""

    def stop(self, *, timeout_s: float) -> None:
        """Call the app's ``stop``; it counts as stopped when that returns and ``healthy`` does not object."""
        with self._log.call("stop"):
            self._stop()
        if self._healthy is not None and self._healthy():
            raise RuntimeError("stop() returned, yet its health check still says that it runs")
        with self._lock:
            self._up = False

    def log_tail(self, lines: int) -> str:
        """Return how its starts and stops went, and what was logged by them or under ``octostar.service.<name>``."""
        return self._log.tail(lines)
