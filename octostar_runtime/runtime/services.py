"""Which services this process offers to the idle policy: its pools, its caches, and supervisord's programs."""

from octostar_runtime.idle import ServiceRegistry
from octostar_runtime.idle.backends.caches import CacheBackend
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


def watch_programs(registry: ServiceRegistry, *, settings: Settings, node_id: str) -> PeriodicThread:
    """Return the loop that keeps supervisord's programs registered; the UI is the one we know how to probe."""
    client = SupervisorClient(settings.state_dir.resolve() / "supervisor.sock")
    healthy = {"ui": f"http://127.0.0.1:{settings.ui_port}{settings.base_path}/_stcore/health"}
    watch = ProgramWatch(client, registry, node_id=node_id, health=healthy.get)
    return PeriodicThread("octostar-programs", watch.turn, interval_s=LOOK_EVERY_S)
