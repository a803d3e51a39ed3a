"""The controller's dealings with the store: its lease, the policy, the holds. Blocking, so on a thread of its own.

The tick reads only what was kept here. When the store is away the policy and the holds stay as they were last seen,
and the lease runs out: nothing is stopped any more until the store is back.
"""

import logging
from collections.abc import Callable

from octostar_runtime.clock import Clock
from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.idle.desk import PolicyDesk, follow
from octostar_runtime.idle.holds import HoldBook
from octostar_runtime.idle.world import Hold
from octostar_runtime.ports import Leases

logger = logging.getLogger(__name__)

LEASE = "idle-controller"
#: The lease outlasts this many missed renewals.
RENEWALS = 3


class Keeper:
    """Renews the lease and refreshes policy and holds; ``turn`` is one round."""

    def __init__(
        self,
        *,
        node_id: str,
        clock: Clock,
        leases: Leases,
        desk: PolicyDesk,
        holds: HoldBook,
        candidate: bool,
        policy_changed: Callable[[], object],
    ) -> None:
        self._node_id = node_id
        self._clock = clock
        self._leases = leases
        self._desk = desk
        self._book = holds
        self._candidate = candidate
        self._policy_changed = policy_changed
        self._leads_until: float | None = None
        self.holds: tuple[Hold, ...] = ()
        self.leader: str | None = None
        self.problem: str | None = None

    def leads(self) -> bool:
        """Whether this node's lease is in force, by this node's own monotonic clock."""
        return self._leads_until is not None and self._clock.monotonic() < self._leads_until

    def turn(self) -> None:
        """One round with the store; whatever fails is kept as ``problem``."""
        if follow(self._desk):
            self._policy_changed()
        try:
            self._renew()
            self.refresh_holds()
            self.problem = None
        except (OctostarRuntimeError, OSError) as error:
            self.problem = str(error)

    def refresh_holds(self) -> None:
        """Read the holds in force."""
        self.holds = self._book.all()

    def give_up(self) -> None:
        """Let another node take over at once."""
        if self._leads_until is not None:
            self._leads_until = None
            self._leases.release(LEASE, self._node_id)

    def _renew(self) -> None:
        ttl_s = max(RENEWALS * self._desk.policy.check_interval, 3.0)
        asked_at = self._clock.monotonic()  # before the answer: the lease may be shorter than it seems, never longer
        if self._candidate and self._leases.acquire(LEASE, self._node_id, ttl_s):
            self._leads_until, self.leader = asked_at + ttl_s, self._node_id
            return
        self._leads_until = None
        self.leader = next((holder for name, holder, *_ in self._leases.holders(LEASE) if name == LEASE), None)
