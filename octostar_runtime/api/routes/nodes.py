"""Nodes and their pools."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from octostar_runtime.api.auth import Caller, Reader
from octostar_runtime.api.context import Runtime
from octostar_runtime.api.lists import Cursor, Limit, Page, page_of, reply
from octostar_runtime.api.schemas import PoolSize, ReasonBody
from octostar_runtime.errors import NodeNotFound, PoolNotFound
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.pools import PoolRecord

router = APIRouter(prefix="/api", tags=["nodes and pools"])

NodeId = Annotated[str, Path(min_length=1, max_length=100, description="id of the node")]
PoolName = Annotated[str, Path(min_length=1, max_length=100, description="name of the pool")]


@router.get("/nodes", summary="List nodes", response_model=Page[NodeRecord], responses={404: {}})
def list_nodes(runtime: Runtime, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the processes that embed the runtime, with how they are."""
    snapshot = runtime.fleet.snapshot
    page = page_of(snapshot.nodes, key=lambda n: n.node_id, cursor=cursor, limit=limit, taken_at=snapshot.taken_at)
    return reply(Page[NodeRecord], page)


@router.get("/nodes/{node_id}", summary="One node", response_model=NodeRecord, responses={404: {}})
def get_node(runtime: Runtime, caller: Reader, node_id: NodeId) -> Response:
    """Return a node."""
    return reply(NodeRecord, _node(runtime, node_id), tagged=True)


@router.post("/nodes/{node_id}/drain", status_code=204, summary="Drain a node", responses={404: {}, 409: {}})
def drain_node(runtime: Runtime, caller: Caller, node_id: NodeId, body: ReasonBody | None = None) -> None:
    """Let every pool of the node finish what runs and start nothing new."""
    runtime.operations.drain_node(node_id, by=caller, reason=body.reason if body else "")


@router.post("/nodes/{node_id}/undrain", status_code=204, summary="Undrain a node", responses={404: {}, 409: {}})
def undrain_node(runtime: Runtime, caller: Caller, node_id: NodeId, body: ReasonBody | None = None) -> None:
    """Let the node's pools work again."""
    runtime.operations.undrain_node(node_id, by=caller, reason=body.reason if body else "")


@router.get("/pools", summary="List pools", response_model=Page[PoolRecord], responses={404: {}})
def list_pools(runtime: Runtime, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the pools of all nodes with their workers, use and waits."""
    snapshot = runtime.fleet.snapshot
    page = page_of(snapshot.pools, key=_pool_key, cursor=cursor, limit=limit, taken_at=snapshot.taken_at)
    return reply(Page[PoolRecord], page)


@router.get("/nodes/{node_id}/pools/{pool}", summary="One pool", response_model=PoolRecord, responses={404: {}})
def get_pool(runtime: Runtime, caller: Reader, node_id: NodeId, pool: PoolName) -> Response:
    """Return a pool of a node."""
    return reply(PoolRecord, _pool(runtime, node_id, pool), tagged=True)


@router.post(
    "/nodes/{node_id}/pools/{pool}/resize", status_code=204, summary="Resize a pool", responses={404: {}, 409: {}}
)
def resize_pool(runtime: Runtime, caller: Caller, node_id: NodeId, pool: PoolName, body: PoolSize) -> None:
    """Set the number of workers; those that are busy end their run first."""
    _pool(runtime, node_id, pool)
    runtime.operations.resize_pool(node_id, pool, body.size, by=caller, reason=body.reason)


@router.post(
    "/nodes/{node_id}/pools/{pool}/pause", status_code=204, summary="Pause a pool", responses={404: {}, 409: {}}
)
def pause_pool(
    runtime: Runtime, caller: Caller, node_id: NodeId, pool: PoolName, body: ReasonBody | None = None
) -> None:
    """Start nothing new until resumed; what runs goes on."""
    _pool(runtime, node_id, pool)
    runtime.operations.pause_pool(node_id, pool, by=caller, reason=body.reason if body else "")


@router.post(
    "/nodes/{node_id}/pools/{pool}/resume", status_code=204, summary="Resume a pool", responses={404: {}, 409: {}}
)
def resume_pool(
    runtime: Runtime, caller: Caller, node_id: NodeId, pool: PoolName, body: ReasonBody | None = None
) -> None:
    """Start queued runs again."""
    _pool(runtime, node_id, pool)
    runtime.operations.resume_pool(node_id, pool, by=caller, reason=body.reason if body else "")


@router.post(
    "/nodes/{node_id}/pools/{pool}/drain", status_code=204, summary="Drain a pool", responses={404: {}, 409: {}}
)
def drain_pool(
    runtime: Runtime, caller: Caller, node_id: NodeId, pool: PoolName, body: ReasonBody | None = None
) -> None:
    """Take no new work; what runs may end."""
    _pool(runtime, node_id, pool)
    runtime.operations.drain_pool(node_id, pool, by=caller, reason=body.reason if body else "")


def _node(runtime: Runtime, node_id: str) -> NodeRecord:
    for node in runtime.fleet.snapshot.nodes:
        if node.node_id == node_id:
            return node
    raise NodeNotFound(f"no node {node_id!r} is known")


def _pool(runtime: Runtime, node_id: str, name: str) -> PoolRecord:
    for pool in runtime.fleet.snapshot.pools:
        if pool.node_id == node_id and pool.name == name:
            return pool
    raise PoolNotFound(f"node {node_id!r} has no pool {name!r}")


def _pool_key(pool: PoolRecord) -> str:
    return f"{pool.node_id}/{pool.name}"
