"""Which services this process offers to the idle policy: its pools, its caches, and supervisord's programs."""

from collections.abc import Callable

from octostar_runtime.idle import HookBackend, ServiceRegistry
from octostar_runtime.idle.backends.caches import CacheBackend
from octostar_runtime.idle.backends.container import ContainerBackend
from octostar_runtime.idle.backends.pools import PoolBackend
from octostar_runtime.idle.backends.programs import ProgramWatch
from octostar_runtime.idle.supervisor import SupervisorClient
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.settings import Settings
from octostar_runtime.tasks import TaskManager

#: How often supervisord is asked which programs there are.
LOOK_EVERY_S = 10.0


def register_own(registry: ServiceRegistry, *, tasks: TaskManager, node_id: str) -> None:
    """Register this process's pools and caches."""
    for pool in tasks.pools():
        registry.add(PoolBackend(tasks, pool.name, node_id=node_id), replace=True)
    registry.add(CacheBackend(node_id=node_id), replace=True)


def watch_programs(
    registry: ServiceRegistry, *, settings: Settings, node_id: str, health: Callable[[str], str | None]
) -> PeriodicThread:
    """Return the loop that keeps supervisord's programs registered, and register the container itself.

    ``health(name)`` is the address that the policy names for a program; the UI is the one we know how to probe.
    """
    client = SupervisorClient(settings.state_dir.resolve() / "supervisor.sock")
    known = {"ui": f"http://127.0.0.1:{settings.ui_port}{settings.base_path}/_stcore/health"}
    watch = ProgramWatch(client, registry, node_id=node_id, health=lambda name: health(name) or known.get(name))
    registry.add(ContainerBackend(node_id=node_id, leave=client.shutdown), replace=True)
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
        )
    )
