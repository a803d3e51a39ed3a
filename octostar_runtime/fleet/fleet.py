"""This process as a member of the fleet: its heart and its reader, started and stopped together."""

from collections.abc import Callable
from dataclasses import replace

from octostar_runtime.clock import Clock
from octostar_runtime.fleet.heart import Heart
from octostar_runtime.fleet.local import LocalNode
from octostar_runtime.fleet.port import FleetStore
from octostar_runtime.fleet.reader import RUNS_LIMIT, FleetReader
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.nodes import NodeRecord


class Fleet:
    """What the runtime holds: ``snapshot`` to read, ``drain`` to announce, ``start`` and ``stop``."""

    def __init__(
        self,
        *,
        node: NodeRecord,
        clock: Clock,
        store: FleetStore,
        local: LocalNode,
        on_fenced: Callable[[], object] | None = None,
        runs_limit: int = RUNS_LIMIT,
        beat_s: float = 1.0,
        lease_s: float = 4.0,
        interval_s: float = 1.0,
    ) -> None:
        self.heart = Heart(
            node=node,
            clock=clock,
            store=store,
            local=local,
            on_fenced=on_fenced,
            runs_limit=runs_limit,
            beat_s=beat_s,
            lease_s=lease_s,
        )
        self.reader = FleetReader(
            node=lambda: replace(node, state=self.heart.state, meta={**node.meta, **local.meta()}),
            clock=clock,
            local=local,
            remote=lambda: self.heart.remote,
            runs_limit=runs_limit,
            interval_s=interval_s,
        )

    @property
    def snapshot(self) -> FleetSnapshot:
        """The newest picture of everything; rebuilt once a second, the same object for every reader."""
        return self.reader.snapshot

    def refresh_now(self) -> FleetSnapshot:
        """Build a snapshot now from this process's memory and the last view of the others."""
        return self.reader.refresh_now()

    def drain(self, draining: bool = True) -> None:
        """Show this node as draining, or no more."""
        self.heart.drain(draining)
        self.reader.refresh_now()

    def start(self) -> None:
        """Join the fleet, begin to beat and to read."""
        self.heart.start()
        self.reader.start()

    def stop(self) -> None:
        """Stop reading and say goodbye to the others."""
        self.reader.stop()
        self.heart.stop()
