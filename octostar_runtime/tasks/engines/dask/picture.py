"""The cluster as the console shows it, made of what the keeper thread saw last."""

from typing import TYPE_CHECKING

from octostar_runtime.models.pools import ClusterRecord, ClusterWorker
from octostar_runtime.tasks.engines.dask.order import run_of_key

if TYPE_CHECKING:
    from octostar_runtime.tasks.engines.dask.link import Link

MOST_WORKERS = 200


def cluster_record(link: "Link", *, shared: bool) -> ClusterRecord:
    """Return the cluster of a link, frozen; of many workers the first ones, and how many there are."""
    seen = link.picture if link.state == "up" else None
    workers = sorted((seen or {}).get("workers", ()), key=lambda worker: _natural(worker["name"]))
    return ClusterRecord(
        state=link.state,
        address=link.address,
        dashboard=link.dashboard,
        notice=link.notice,
        shared=shared,
        queued=(seen or {}).get("queued", 0),
        waiting_for_resources=(seen or {}).get("unrunnable", 0),
        clients=(seen or {}).get("clients", 0),
        workers_total=len(workers),
        threads=sum(worker["threads"] for worker in workers),
        memory=sum(worker["memory"] for worker in workers),
        memory_limit=sum(worker["memory_limit"] for worker in workers),
        workers=tuple(
            ClusterWorker(
                name=worker["name"],
                address=worker["address"],
                status=worker["status"],
                threads=worker["threads"],
                memory=worker["memory"],
                memory_limit=worker["memory_limit"],
                cpu_percent=worker["cpu"],
                runs=tuple(dict.fromkeys(run_of_key(key) for key in worker["runs"])),
                resources=tuple(f"{name} {amount:g}" for name, amount in sorted(worker["resources"].items())),
            )
            for worker in workers[:MOST_WORKERS]
        ),
    )


def _natural(name: str) -> tuple[str, int]:
    head, _, tail = name.rpartition("-")
    return (head, int(tail)) if tail.isdigit() else (name, 0)
