"""Keep-awake leases: somebody asks that everything stays up, with a reason, for a while.

They live in the store, so they outlive the tab that asked and a restart. A hold's lease name carries its id and the
note its owner, reason and start.
"""

import json

from octostar_runtime.clock import Clock
from octostar_runtime.errors import InvalidInput
from octostar_runtime.idle.world import Hold
from octostar_runtime.ids import new_id
from octostar_runtime.ports import Leases

PREFIX = "hold:"
#: More than this many at once is a mistake of whoever asks.
MAX_HOLDS = 200


class HoldBook:
    """Take, release and list holds."""

    def __init__(self, leases: Leases, clock: Clock) -> None:
        self._leases = leases
        self._clock = clock

    def take(self, owner: str, reason: str, ttl_s: float, *, longest_s: float, hold_id: str | None = None) -> Hold:
        """Keep everything awake for ``ttl_s`` seconds, at most ``longest_s``; InvalidInput tells what is missing.

        With a ``hold_id`` of one's own the same hold is renewed when it is taken again.
        """
        if not owner.strip():
            raise InvalidInput("a keep-awake needs an owner")
        if not reason.strip():
            raise InvalidInput("a keep-awake needs a reason, so that others know why the services stay up")
        if not 0 < ttl_s < float("inf"):
            raise InvalidInput(f"a keep-awake lasts a positive number of seconds, not {ttl_s!r}")
        held = {hold.hold_id: hold for hold in self.all()}
        known = held.get(hold_id) if hold_id is not None else None
        if known is None and len(held) >= MAX_HOLDS:
            raise InvalidInput(f"there are {MAX_HOLDS} keep-awakes already; release some first")
        now = self._clock.time()
        lasts = min(ttl_s, longest_s)
        hold = Hold(
            hold_id=hold_id or new_id(),
            owner=known.owner if known else owner[:200],
            reason=reason[:500],
            expires_at=now + lasts,
            since=known.since if known else now,
        )
        note = json.dumps({"reason": hold.reason, "since": hold.since})
        self._leases.acquire(PREFIX + hold.hold_id, hold.owner, lasts, note=note)
        return hold

    def release(self, hold_id: str) -> bool:
        """End a hold; False when there is none of that id."""
        for hold in self.all():
            if hold.hold_id == hold_id:
                self._leases.release(PREFIX + hold_id, hold.owner)
                return True
        return False

    def all(self) -> tuple[Hold, ...]:
        """Return the holds in force, the first to expire first."""
        held = [_hold(*row) for row in self._leases.holders(PREFIX)]
        return tuple(sorted(held, key=lambda hold: hold.expires_at))


def _hold(name: str, owner: str, expires_at: float, note: str) -> Hold:
    try:
        detail = json.loads(note)
        reason, since = str(detail["reason"]), float(detail["since"])
    except (ValueError, KeyError, TypeError):
        reason, since = note, expires_at
    return Hold(hold_id=name.removeprefix(PREFIX), owner=owner, reason=reason, expires_at=expires_at, since=since)
