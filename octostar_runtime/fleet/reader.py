"""The reader: puts this process's own memory and the last view of the others into ONE frozen snapshot a second.

It never asks the store, so that a console goes on showing its own process while the store is away.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from octostar_runtime.clock import Clock
from octostar_runtime.fleet.heart import Remote
from octostar_runtime.fleet.local import LocalNode
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.runs import WAITING, RunRecord
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.periodic import PeriodicThread

logger = logging.getLogger(__name__)
READ_S = 1.0
RUNS_LIMIT = 2_000


class FleetReader:
    """Holds the newest snapshot. Any thread may read it."""

    def __init__(
        self,
        *,
        node: Callable[[], NodeRecord],
        clock: Clock,
        local: LocalNode,
        remote: Callable[[], Remote] = Remote,
        runs_limit: int = RUNS_LIMIT,
        interval_s: float = READ_S,
    ) -> None:
        self._node = node
        self._clock = clock
        self._local = local
        self._remote = remote
        self._runs_limit = runs_limit
        self._snapshot = FleetSnapshot(taken_at=clock.time(), node_id=node().node_id, runs_limit=runs_limit)
        self._thread = PeriodicThread("octostar-fleet", self.refresh_now, interval_s=interval_s)

    @property
    def snapshot(self) -> FleetSnapshot:
        """The newest picture of everything."""
        return self._snapshot

    def start(self) -> None:
        """Begin to read."""
        self.refresh_now()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop reading; the last snapshot stays."""
        self._thread.stop(timeout_s)

    def refresh_now(self) -> FleetSnapshot:
        """Build a snapshot in the caller's thread and return it."""
        local, remote, now = self._local, self._remote(), self._clock.time()
        node = replace(self._node(), heartbeat_at=now)
        own_runs = local.runs()
        statuses = remote.status.values()
        policy_mode, policy_version = local.policy()
        self._snapshot = FleetSnapshot(
            taken_at=now,
            node_id=node.node_id,
            nodes=(node, *remote.nodes),
            sessions=_merged_sessions(local.sessions(), remote.sessions),
            runs=_newest([*own_runs, *remote.runs], self._runs_limit),
            runs_limit=self._runs_limit,
            counts=Counter(local.counts()) + Counter(remote.counts),
            failed_last_hour=remote.failed_last_hour,
            oldest_wait_s=_longest_wait(
                [local.oldest_queued_at(), *(status.oldest_queued_at for status in statuses)], now
            ),
            pools=(*local.pools(), *(pool for status in statuses for pool in status.pools)),
            services=(*local.services(), *(service for status in statuses for service in status.services)),
            callbacks=(*local.callbacks(), *(callback for status in statuses for callback in status.callbacks)),
            host=local.host(),
            host_history=tuple(local.host_history()),
            host_day=tuple(local.host_day()),
            store=local.store_health(),
            policy_mode=policy_mode,
            policy_version=policy_version,
        )
        return self._snapshot


def _merged_sessions(own: Iterable[SessionRecord], others: Iterable[SessionRecord]) -> tuple[SessionRecord, ...]:
    sessions = {session.session_id: session for session in others}
    sessions.update((session.session_id, session) for session in own)
    return tuple(sorted(sessions.values(), key=lambda session: session.connected_at, reverse=True))


def _newest(runs: list[RunRecord], limit: int) -> tuple[RunRecord, ...]:
    """Return up to ``limit`` runs, the newest first; those that execute count before those that wait or have ended."""
    runs.sort(key=lambda run: run.queued_at, reverse=True)
    if len(runs) <= limit:
        return tuple(runs)
    kept = sorted(runs, key=lambda run: (run.terminal, run.state in WAITING))[:limit]
    return tuple(sorted(kept, key=lambda run: run.queued_at, reverse=True))


def _longest_wait(queued_at: Iterable[float | None], now: float) -> float | None:
    waiting = [at for at in queued_at if at is not None]
    return max(0.0, now - min(waiting)) if waiting else None
