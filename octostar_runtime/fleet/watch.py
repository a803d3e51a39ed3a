"""Judge the hearts of other nodes, purely: by whether their counters move while this node is looking.

No wall clock takes part. A gap in this node's own watching (it was stopped, the store was away) proves nothing about
the others, so that a turn counts for no more than a short while, however long ago the last one was.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from octostar_runtime.models.nodes import NodeState, StoredNode

LATE_S = 2.5
LEASE_S = 4.0
MOST_A_TURN_COUNTS_S = 2.0
SKEW_SAMPLES = 10
SKEW_SHOWN_S = 2.0  # below this it cannot be told from the time between a beat and our reading of it
GONE = frozenset({NodeState.LOST, NodeState.STOPPED})


@dataclass(slots=True)
class _Pulse:
    beat: int
    still_s: float = 0.0
    ahead: deque[float] = field(default_factory=lambda: deque(maxlen=SKEW_SAMPLES))


class HeartWatch:
    """What one node has seen of the others. Used by one thread."""

    def __init__(self, *, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._pulses: dict[str, _Pulse] = {}
        self._last_look: float | None = None

    def look(self, nodes: Iterable[StoredNode], *, monotonic: float, wall: float) -> None:
        """Take in what the store says now."""
        gap = 0.0 if self._last_look is None else monotonic - self._last_look
        counted = min(max(gap, 0.0), MOST_A_TURN_COUNTS_S)
        self._last_look = monotonic
        seen: dict[str, _Pulse] = {}
        for node in nodes:
            pulse = self._pulses.get(node.record.node_id)
            if pulse is None:
                pulse = _Pulse(node.beat)
            elif pulse.beat == node.beat:
                pulse.still_s += counted
            else:
                pulse.beat, pulse.still_s = node.beat, 0.0
                pulse.ahead.append(node.record.heartbeat_at - wall)
            seen[node.record.node_id] = pulse
        self._pulses = seen

    def blink(self) -> None:
        """Forget how long hearts have stood still: this node could not beat itself, so neither could they."""
        self._last_look = None
        for pulse in self._pulses.values():
            pulse.still_s = 0.0

    def state_of(self, node: StoredNode) -> NodeState:
        """Return how the node does; LOST means that it should be declared so."""
        pulse = self._pulses.get(node.record.node_id)
        if node.record.state in GONE or pulse is None:
            return node.record.state
        if pulse.still_s >= self._lease_s:
            return NodeState.LOST
        return NodeState.LATE if pulse.still_s >= LATE_S else node.record.state

    def skew_of(self, node: StoredNode) -> float | None:
        """Return by how many seconds the node's wall clock is ahead of ours; None while nothing is known.

        A beat is read up to a turn after it was written, so that the largest of some differences is the truest.
        """
        pulse = self._pulses.get(node.record.node_id)
        if pulse is None or len(pulse.ahead) < 3:
            return None
        ahead = max(pulse.ahead)
        return ahead if abs(ahead) >= SKEW_SHOWN_S else 0.0
