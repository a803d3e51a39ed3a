"""The container as the last service: when all else is stopped it ends with exit code 0. Off by default."""

from collections.abc import Callable

from octostar_runtime.idle.service_log import ServiceLog
from octostar_runtime.idle.services import Phase, Probe, ServiceInfo


class ContainerBackend:
    """``leave`` ends everything; the engine makes every other service depend on this one, so it comes last."""

    def __init__(
        self, *, node_id: str, leave: Callable[[], object], name: str = "container", log: ServiceLog | None = None
    ) -> None:
        self.info = ServiceInfo(name=name, kind="container", node_id=node_id)
        self._leave = leave
        self._log = log or ServiceLog(name)

    def probe(self) -> Probe:
        """Whoever asks is in it."""
        return Probe(phase=Phase.RUNNING)

    def start(self, *, timeout_s: float) -> None:
        """Only the platform can start a container."""

    def drain(self, on: bool, *, timeout_s: float) -> None:
        """Nothing to do."""

    def stop(self, *, timeout_s: float) -> None:
        """End it. Nothing is there afterwards to see the state."""
        with self._log.call("the end of the container, exit code 0,"):
            self._leave()

    def log_tail(self, lines: int) -> str:
        """Return when it was ended, in earlier lives; the platform keeps the container's own log."""
        return self._log.tail(lines)
