"""The fleet: every process that shares a store, seen by each of them.

A node's heart beats into the store and watches the others'; its reader puts what it learnt and what this process
knows itself into one frozen snapshot a second, which every viewer reads.
"""

from octostar_runtime.fleet.fleet import Fleet
from octostar_runtime.fleet.heart import Heart
from octostar_runtime.fleet.local import LocalNode
from octostar_runtime.fleet.port import FleetStore
from octostar_runtime.fleet.reader import FleetReader

__all__ = ["Fleet", "FleetReader", "FleetStore", "Heart", "LocalNode"]
