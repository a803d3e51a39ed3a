"""All parts of a store in memory, together."""

from octostar_runtime.clock import Clock
from octostar_runtime.models.fleet import StoreHealth
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.settings import Settings
from octostar_runtime.store.batch import Batch
from octostar_runtime.store.local_commander import LocalCommander
from octostar_runtime.store.memory.callkeys import MemoryCallKeys
from octostar_runtime.store.memory.credentials import MemoryCredentials
from octostar_runtime.store.memory.documents import MemoryDocuments
from octostar_runtime.store.memory.events import MemoryEvents
from octostar_runtime.store.memory.leases import MemoryLeases
from octostar_runtime.store.memory.nodes import MemoryNodes
from octostar_runtime.store.memory.runs import MemoryRuns
from octostar_runtime.store.memory.sessions import MemorySessions


class MemoryStore:
    """All parts of a store, in memory."""

    def __init__(self, *, clock: Clock, node: NodeRecord, settings: Settings) -> None:
        limit = settings.history_rows
        self.runs = MemoryRuns(clock.time, limit)
        self.sessions = MemorySessions(limit)
        self.events = MemoryEvents(limit)
        self.documents = MemoryDocuments(clock.time)
        self.leases = MemoryLeases(clock.time)
        self.credentials = MemoryCredentials()
        self.call_keys = MemoryCallKeys(clock.time, limit)
        self.nodes = MemoryNodes(self.runs, self.sessions, self.events)
        self.commander = LocalCommander(node_id=node.node_id, clock=clock)

    def write(self, batch: Batch) -> None:
        """Keep a batch."""
        self.runs.write(batch.runs, batch.portable)
        self.sessions.write(batch.sessions)
        self.events.write(batch.events)

    def erase_user(self, user: str) -> int:
        """Remove what is personal of ``user``; return how many rows changed."""
        return (
            self.runs.erase(user) + self.sessions.erase(user) + self.events.erase(user) + self.credentials.erase(user)
        )

    def tend(self) -> int:
        """Nothing to do: every part keeps to its bound by itself."""
        return 0

    def health(self) -> StoreHealth:
        """Return that all is well, and that nothing will stay."""
        return StoreHealth(url="memory:", notice="history is kept in memory only and ends with this process")

    def close(self) -> None:
        """Nothing to give back."""
