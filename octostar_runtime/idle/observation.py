"""What the controller sees of the world at one moment: a frozen value, made from the fleet's snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass

from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord

#: Nodes in these states may still answer; the services of any other node are out of reach.
REACHABLE = frozenset({NodeState.OK, NodeState.LATE, NodeState.DRAINING})


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteService:
    """A service that another node announced with its heartbeat."""

    node_id: str
    node_kind: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Sessions, live runs and services of other nodes. ``stamp`` differs between two looks at the world.

    None as ``stamp`` says that every observation is a fresh look.
    """

    stamp: float | None = None
    sessions: tuple[SessionRecord, ...] = ()
    live_runs: tuple[RunRecord, ...] = ()
    remote: tuple[RemoteService, ...] = ()
    nodes: Mapping[str, str] | None = None


def observe_fleet(snapshot: FleetSnapshot) -> Observation:
    """Build the observation of a snapshot; the announcements of this node itself are left out."""
    return Observation(
        stamp=snapshot.taken_at,
        sessions=snapshot.sessions,
        live_runs=tuple(run for run in snapshot.runs if not run.terminal),
        remote=tuple(
            service
            for node in snapshot.nodes
            if node.node_id != snapshot.node_id and node.state in REACHABLE
            for service in _announced(node.node_id, node.kind, node.meta.get("services"))
        ),
        nodes={node.node_id: node.name for node in snapshot.nodes},
    )


def _announced(node_id: str, node_kind: str, services: object) -> list[RemoteService]:
    if not isinstance(services, list | tuple):
        return []
    return [
        RemoteService(
            node_id=node_id,
            node_kind=node_kind,
            name=str(service["name"]),
            kind=str(service.get("kind", "hook")),
        )
        for service in services
        if isinstance(service, Mapping) and service.get("name")
    ]
