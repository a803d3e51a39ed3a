"""What outlives a process: one store behind one port, and the publisher that feeds it.

SQLAlchemy is imported when a store is opened, not before: a console must start fast.
"""

from octostar_runtime.clock import Clock
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.settings import Settings
from octostar_runtime.store.batch import Batch
from octostar_runtime.store.memory import MemoryStore
from octostar_runtime.store.port import Store
from octostar_runtime.store.publisher import Publisher

__all__ = ["Batch", "MemoryStore", "Publisher", "Store", "open_store"]


def open_store(url: str, *, clock: Clock, node: NodeRecord, settings: Settings) -> Store:
    """Open the store at ``url``, a SQLAlchemy URL of SQLite or PostgreSQL, or ``memory:`` for one that forgets.

    Brings its schema up to this release's; several processes may do that at once. StoreTooNew when a newer release
    wrote it, StoreUnavailable when it cannot be reached, SettingsError when the URL is wrong.
    """
    if url in ("memory:", "memory://"):
        return MemoryStore(clock=clock, node=node, settings=settings)
    from octostar_runtime.store.opening import open_sql_store

    return open_sql_store(url, clock=clock, node=node, settings=settings)
