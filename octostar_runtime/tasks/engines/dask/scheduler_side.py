"""What is asked of a scheduler: functions that ``Client.run_on_scheduler`` executes on its event loop."""

import time
from collections import deque
from typing import Any

from octostar_runtime.tasks.engines.dask.configure import KEPT_MESSAGES


def prepare(topics: set[str], dask_scheduler: Any = None) -> int:
    """Set what must hold on a scheduler that others started; return what its ``allowed-failures`` was.

    A run that was executing when its worker died must not be executed again behind our back, and a topic must not
    keep a thousand intermediate values.
    """
    before = int(dask_scheduler.allowed_failures)
    dask_scheduler.allowed_failures = 0
    for topic in topics:
        kept = dask_scheduler._broker._topics[topic]
        if kept.events.maxlen != KEPT_MESSAGES:
            kept.events = deque(kept.events, maxlen=KEPT_MESSAGES)
    return before


def kept_messages(topic: str, dask_scheduler: Any = None) -> int:
    """Return how many messages of a topic the scheduler keeps now."""
    return len(dask_scheduler._broker._topics[topic].events)


def state_of(key: str, dask_scheduler: Any = None) -> str:
    """Return the state of a task: "queued", "processing", "no-worker", …; "" when the scheduler does not know it."""
    found = dask_scheduler.tasks.get(key)
    return "" if found is None else str(found.state)


def hold_back(surplus: list[str], dask_scheduler: Any = None) -> list[str]:
    """Let the workers in ``surplus`` begin nothing new, and those that were held back before go on.

    Returns those that have nothing left to do. Dask's own ``retire_workers`` would execute their tasks a second time.
    """
    held = dask_scheduler.octostar_held = getattr(dask_scheduler, "octostar_held", set())
    for address, worker in [*dask_scheduler.workers.items()]:
        if address in surplus and worker.status.name == "running":
            held.add(address)
            dask_scheduler.handle_worker_status_change("paused", worker, "octostar-hold-back")
        elif address in held and address not in surplus:
            held.discard(address)
            dask_scheduler.handle_worker_status_change("running", worker, "octostar-hold-back")
    known = dask_scheduler.workers
    return [address for address in surplus if address in known and not known[address].processing]


def ended_by_nanny(address: str, dask_scheduler: Any = None) -> bool:
    """Return whether the nanny of the worker at ``address`` has ended it because it took too much memory."""
    told = dask_scheduler.get_events("worker-restart-memory")
    return any(event.get("worker") == address for _, event in told)


def _status(worker: Any, scheduler: Any) -> str:
    """Return what a worker does: Dask's own word, "silent" when it has not been heard of for ten heartbeats."""
    from distributed.scheduler import heartbeat_interval

    if time.time() - worker.last_seen > 10 * heartbeat_interval(len(scheduler.workers)):
        return "silent"
    if worker.address in getattr(scheduler, "octostar_held", ()):
        return "closing_gracefully"
    return str(worker.status.name)


def picture(dask_scheduler: Any = None) -> dict[str, Any]:
    """Return the workers with what they have and do, and what waits."""
    scheduler = dask_scheduler
    return {
        "id": scheduler.id,
        "workers": [
            {
                "name": str(worker.name),
                "address": worker.address,
                "status": _status(worker, scheduler),
                "threads": worker.nthreads,
                "memory": int(worker.memory.process),
                "memory_limit": int(worker.memory_limit or 0),
                "cpu": float(worker.metrics.get("cpu", 0.0)),
                "runs": [str(task.key) for task in list(worker.processing)[:50]],
                "resources": {name: float(amount) for name, amount in (worker.resources or {}).items()},
            }
            for worker in scheduler.workers.values()
        ],
        "queued": len(scheduler.queued) + len(scheduler.unrunnable),
        "unrunnable": len(scheduler.unrunnable),
        "clients": len([name for name in scheduler.clients if name != "fire-and-forget"]),
    }
