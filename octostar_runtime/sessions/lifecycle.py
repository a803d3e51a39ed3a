"""The one table of moves a session may make, and how fresh a proof of life is. Pure."""

from collections.abc import Mapping

from octostar_runtime.models.sessions import Life, SessionState

#: Everything that changes a session's state goes through this table.
TRANSITIONS: Mapping[SessionState, frozenset[SessionState]] = {
    SessionState.CONNECTED: frozenset({SessionState.DISCONNECTED, SessionState.DORMANT, SessionState.ENDED}),
    SessionState.DORMANT: frozenset({SessionState.CONNECTED, SessionState.DISCONNECTED, SessionState.ENDED}),
    # a tab that was forgotten before its connection broke comes back as forgotten
    SessionState.DISCONNECTED: frozenset({SessionState.CONNECTED, SessionState.DORMANT, SessionState.ENDED}),
    SessionState.ENDED: frozenset(),
}


#: A browser is asked for a sign of life every ping interval; one unanswered ping and a little makes it late.
LATE_AFTER_PINGS = 1.2
LOST_AFTER_PINGS = 2.0


def life_of(silence_s: float, ping_interval_s: float) -> Life:
    """Return how alive a browser is that was last heard of ``silence_s`` seconds ago."""
    if silence_s <= ping_interval_s * LATE_AFTER_PINGS:
        return Life.OK
    return Life.LATE if silence_s <= ping_interval_s * LOST_AFTER_PINGS else Life.LOST
