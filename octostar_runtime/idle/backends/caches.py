"""The memory of this process as a service: stopping it clears registered caches and hands memory back to the system."""

import ctypes
import gc
import logging
import threading
from collections.abc import Callable

import psutil

from octostar_runtime.idle.service_log import ServiceLog
from octostar_runtime.idle.services import Phase, Probe, ServiceInfo

logger = logging.getLogger(__name__)


class CacheBackend:
    """Counts as running from the first wake on. ``register`` adds what may be cleared."""

    def __init__(
        self,
        *,
        node_id: str,
        name: str = "caches",
        trim: Callable[[], object] | None = None,
        log: ServiceLog | None = None,
    ) -> None:
        self.info = ServiceInfo(name=name, kind="cache", node_id=node_id)
        self._trim = trim or trim_memory
        self._log = log or ServiceLog(name)
        self._lock = threading.Lock()
        self._clear: dict[str, Callable[[], object]] = {}
        self._warm = True

    def register(self, name: str, clear: Callable[[], object]) -> None:
        """Let ``clear()`` be called when nobody has needed the caches for a while."""
        with self._lock:
            self._clear[name] = clear

    def probe(self) -> Probe:
        """Warm until given back."""
        return Probe(phase=Phase.RUNNING if self._warm else Phase.STOPPED)

    def start(self, *, timeout_s: float) -> None:
        """Caches fill by themselves."""
        self._warm = True

    def drain(self, on: bool, *, timeout_s: float) -> None:
        """Nothing to do."""

    def stop(self, *, timeout_s: float) -> None:
        """Clear what is registered, collect garbage, and give free memory back to the system."""
        with self._lock:
            clear = dict(self._clear)
        before = _resident_bytes()
        for name, function in clear.items():
            try:
                with self._log.call(f"clear of {name}"):
                    function()
            except Exception:
                logger.exception("clearing the cache %s failed; the others are cleared", name)
        gc.collect()
        self._trim()
        self._log.line(f"{max(0, before - _resident_bytes()) / 2**20:.1f} MB were given back to the system")
        self._warm = False

    def log_tail(self, lines: int) -> str:
        """Return what was cleared when, and what that gave back."""
        return self._log.tail(lines)


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def trim_memory() -> bool:
    """Ask the C library to return free memory; False where it has no such call."""
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):
        return False
