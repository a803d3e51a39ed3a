"""What a node says of itself with each heartbeat, and what others read of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from octostar_runtime.fleet.local import LocalNode
from octostar_runtime.models.coding import decode, encode
from octostar_runtime.models.fleet import HostSample
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import CallbackRecord

T = TypeVar("T")
MOST_WORKERS = 64  # a heartbeat stays small; the node's own console shows every worker
MOST_SPANS = 10
MOST_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A node's pools, services, callbacks and machine, and when the run was queued that has waited longest."""

    pools: tuple[PoolRecord, ...] = ()
    services: tuple[ServiceRecord, ...] = ()
    callbacks: tuple[CallbackRecord, ...] = ()
    host: HostSample | None = None
    oldest_queued_at: float | None = None


def written(local: LocalNode) -> dict[str, object]:
    """Return this node's status as JSON values."""
    status = NodeStatus(
        pools=tuple(_shortened(pool) for pool in local.pools()),
        services=tuple(local.services())[:MOST_ROWS],
        callbacks=tuple(local.callbacks())[:MOST_ROWS],
        host=local.host(),
        oldest_queued_at=local.oldest_queued_at(),
    )
    encoded: dict[str, object] = encode(status)
    return encoded


def read(status: Mapping[str, Any]) -> NodeStatus:
    """Return what a node wrote; a part that this release cannot read is left out."""
    return NodeStatus(
        pools=_each(PoolRecord, status.get("pools")),
        services=_each(ServiceRecord, status.get("services")),
        callbacks=_each(CallbackRecord, status.get("callbacks")),
        host=next(iter(_each(HostSample, [status["host"]] if status.get("host") else [])), None),
        oldest_queued_at=at if isinstance(at := status.get("oldest_queued_at"), float | int) else None,
    )


def _shortened(pool: PoolRecord) -> PoolRecord:
    workers = tuple(replace(worker, spans=worker.spans[-MOST_SPANS:]) for worker in pool.workers[:MOST_WORKERS])
    cluster = pool.cluster
    if cluster is not None:
        cluster = replace(cluster, workers=cluster.workers[:MOST_WORKERS])
    return replace(pool, workers=workers, cluster=cluster)


def _each(kind: type[T], rows: Sequence[Mapping[str, Any]] | None) -> tuple[T, ...]:
    found: list[T] = []
    for row in rows or ():
        try:
            found.append(decode(kind, row))
        except (TypeError, ValueError, KeyError):
            continue
    return tuple(found)
