"""What the fleet needs of a store; :class:`octostar_runtime.store.Store` has it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from octostar_runtime.models.nodes import NodeRecord, NodeState, StoredNode
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import SessionRecord


class FleetNodes(Protocol):
    """The members of the fleet."""

    def join(self, record: NodeRecord) -> None: ...

    def beat(
        self,
        node_id: str,
        *,
        at: float,
        state: NodeState = NodeState.OK,
        meta: Mapping[str, object] | None = None,
        status: Mapping[str, object] | None = None,
    ) -> bool: ...

    def rejoin(self, record: NodeRecord, *, at: float, sessions: Sequence[SessionRecord] = ()) -> int: ...

    def leave(self, node_id: str, *, at: float) -> None: ...

    def declare_lost(self, node_id: str, *, beat: int, by: str, at: float) -> bool: ...

    def bury(self, node_id: str, *, by: str, at: float) -> int: ...

    def unburied(self) -> Sequence[str]: ...

    def all(self) -> Sequence[StoredNode]: ...


class FleetRuns(Protocol):
    """Other nodes' runs."""

    def counts(self, *, without_node: str | None = None) -> Mapping[RunState, int]: ...

    def versions(self, *, without_node: str, limit_live: int, limit_ended: int) -> Mapping[str, int]: ...

    def many(self, run_ids: Sequence[str]) -> Sequence[RunRecord]: ...

    def failed_since(self, at: float) -> int: ...


class FleetSessions(Protocol):
    """Other nodes' sessions."""

    def recent(self, *, without_node: str, ended_since: float, limit: int = 2_000) -> Sequence[SessionRecord]: ...


class FleetStore(Protocol):
    """The three together."""

    @property
    def nodes(self) -> FleetNodes: ...

    @property
    def runs(self) -> FleetRuns: ...

    @property
    def sessions(self) -> FleetSessions: ...
