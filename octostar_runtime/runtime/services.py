"""Which services this process offers to the idle policy: its pools, its caches, and supervisord's programs."""

import sys
from collections.abc import Callable

from octostar_runtime.idle import HookBackend, ServiceRegistry
from octostar_runtime.idle.backends.caches import CacheBackend
from octostar_runtime.idle.backends.container import ContainerBackend
from octostar_runtime.idle.backends.pools import PoolBackend
from octostar_runtime.idle.backends.programs import ProgramWatch
from octostar_runtime.idle.service_log import ServiceLog
from octostar_runtime.idle.supervisor import SupervisorClient
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.settings import Settings
from octostar_runtime.tasks import TaskManager

MakeLog = Callable[[str], ServiceLog]
#: How often supervisord is asked which programs there are.
LOOK_EVERY_S = 10.0


def service_log(name: str, *, settings: Settings, node_kind: str) -> ServiceLog:
    """Return where a service of this process logs; processes that share a state directory write to different files."""
    return ServiceLog(f"{node_kind}-{name}", settings.state_dir.resolve() / "logs" / "services", logger_name=name)


class PoolWatch:
    """Keeps the registry equal to the task manager's pools: an app may add and close pools at any time."""

    def __init__(self, registry: ServiceRegistry, *, tasks: TaskManager, node_id: str, log: MakeLog) -> None:
        self._registry = registry
        self._tasks = tasks
        self._node_id = node_id
        self._log = log
        self._known: frozenset[str] = frozenset()

    def turn(self) -> None:
        """Look once."""
        names = frozenset(pool.name for pool in self._tasks.pools())
        for name in sorted(names - self._known):
            backend = PoolBackend(self._tasks, name, node_id=self._node_id, log=self._log(f"pool:{name}"))
            self._registry.add(backend, replace=True)
        for name in self._known - names:
            self._registry.remove(f"pool:{name}")
        self._known = names


def register_caches(registry: ServiceRegistry, *, node_id: str, log: MakeLog) -> None:
    """Register what this process keeps only to be quicker; ``log(name)`` makes a service's log."""
    caches = CacheBackend(node_id=node_id, log=log("caches"))
    caches.register("st.cache_data", _clear_cached_data)
    registry.add(caches, replace=True)


def _clear_cached_data() -> None:
    """What ``st.cache_data`` keeps is computed again when needed; resources are left to those who made them."""
    if "streamlit.runtime" in sys.modules:  # the API process must not import Streamlit for this
        from octostar_runtime.sessions import streamlit_bridge

        streamlit_bridge.clear_cached_data()


def watch_programs(
    registry: ServiceRegistry, *, settings: Settings, node_id: str, health: Callable[[str], str | None], log: MakeLog
) -> PeriodicThread:
    """Return the loop that keeps supervisord's programs registered, and register the container itself.

    ``health(name)`` is the address that the policy names for a program; the UI is the one we know how to probe.
    """
    client = SupervisorClient(settings.state_dir.resolve() / "supervisor.sock")
    known = {"ui": f"http://127.0.0.1:{settings.ui_port}{settings.base_path}/_stcore/health"}
    watch = ProgramWatch(client, registry, node_id=node_id, health=lambda name: health(name) or known.get(name))
    registry.add(ContainerBackend(node_id=node_id, leave=client.shutdown, log=log("container")), replace=True)
    watch.turn()  # at once: who asks right after the start must find them
    return PeriodicThread("octostar-programs", watch.turn, interval_s=LOOK_EVERY_S)


def add_hooks(
    registry: ServiceRegistry,
    *,
    node_id: str,
    name: str,
    start: Callable[[], object],
    stop: Callable[[], object],
    healthy: Callable[[], object] | None,
    busy: Callable[[], int] | None,
    running: bool,
    depends_on: tuple[str, ...],
    log: MakeLog,
) -> None:
    """Register an app's service, or take the new functions of one that is registered."""
    for backend in registry.all():
        if backend.info.name == name and isinstance(backend, HookBackend):
            backend.rebind(start=start, stop=stop, healthy=healthy, busy=busy)
            return
    registry.add(
        HookBackend(
            name,
            node_id=node_id,
            start=start,
            stop=stop,
            healthy=healthy,
            busy=busy,
            running=running,
            depends_on=depends_on,
            log=log(name),
        )
    )
