"""The store's port: what the rest of the runtime may ask of any store."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from octostar_runtime.models.fleet import StoreHealth
from octostar_runtime.models.nodes import NodeRecord, NodeState, StoredNode
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.ports import CallKeys, Commander, Documents, EventArchive, Leases, RunArchive, StoredCredentials
from octostar_runtime.store.batch import Batch


class Store(Protocol):
    """One place for everything that outlives a process. Its parts are ports of their own."""

    @property
    def runs(self) -> "Runs": ...

    @property
    def sessions(self) -> "Sessions": ...

    @property
    def events(self) -> EventArchive: ...

    @property
    def documents(self) -> Documents: ...

    @property
    def leases(self) -> Leases: ...

    @property
    def credentials(self) -> StoredCredentials: ...

    @property
    def call_keys(self) -> CallKeys: ...

    @property
    def commander(self) -> "RunningCommander": ...

    @property
    def nodes(self) -> "Nodes": ...

    def write(self, batch: Batch) -> None:
        """Store a batch in one transaction; StoreUnavailable, and nothing of it is stored."""
        ...

    def erase_user(self, user: str) -> int:
        """Remove what is personal of ``user`` from all history; return how many rows changed."""
        ...

    def tend(self) -> int:
        """Look after what is stored, a little at a time: called every few seconds; returns how many rows went."""
        ...

    def health(self) -> StoreHealth: ...

    def close(self) -> None: ...


class RunningCommander(Commander, Protocol):
    """A commander with its threads."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Runs(RunArchive, Protocol):
    """The archive, and what the fleet's reader needs of it."""

    def spans(self, since: float, until: float, *, limit: int) -> Sequence[tuple[float, float | None, str]]: ...

    def counts(self, *, without_node: str | None = None) -> Mapping[RunState, int]: ...

    def versions(self, *, without_node: str, limit_live: int, limit_ended: int) -> Mapping[str, int]: ...

    def many(self, run_ids: Sequence[str]) -> Sequence[RunRecord]: ...

    def failed_since(self, at: float) -> int: ...

    def portable_arguments(self, run_id: str) -> Mapping[str, object] | None: ...


class Sessions(Protocol):
    """Sessions of all nodes."""

    def get(self, session_id: str) -> SessionRecord | None: ...

    def live(self, *, without_node: str | None = None, limit: int = 10_000) -> Sequence[SessionRecord]: ...

    def recent(self, *, without_node: str, ended_since: float, limit: int = 2_000) -> Sequence[SessionRecord]: ...

    def between(
        self, since: float, until: float, *, user: str | None = None, limit: int = 100_000
    ) -> Sequence[SessionRecord]: ...


class Nodes(Protocol):
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

    def take_over(self, run_id: str, *, from_node: str, to_node: str) -> bool: ...

    def all(self) -> Sequence[StoredNode]: ...
