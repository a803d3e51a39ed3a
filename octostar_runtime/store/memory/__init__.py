"""A store that forgets: everything in this process's memory, for tests, scripts and disks that cannot be written.

The same rules as the store on a database; the contract tests hold both to them. Bounded: the oldest ended rows go.
"""

from octostar_runtime.store.memory.runs import MemoryRuns
from octostar_runtime.store.memory.store import MemoryStore

__all__ = ["MemoryRuns", "MemoryStore"]
