"""Sessions in memory."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from octostar_runtime.models.sessions import EndReason, SessionRecord, SessionState
from octostar_runtime.store.anonymous import faceless


class MemorySessions:
    """Sessions by id."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, SessionRecord] = OrderedDict()

    def write(self, sessions: Sequence[SessionRecord]) -> None:
        """Keep the newer version of each session; one that has ended stays as it ended."""
        with self._lock:
            for session in sessions:
                before = self._sessions.get(session.session_id)
                if before is None or (before.seq < session.seq and before.state is not SessionState.ENDED):
                    self._sessions[session.session_id] = session
            while len(self._sessions) > self._limit:
                self._sessions.popitem(last=False)

    def bring_back(self, sessions: Sequence[SessionRecord]) -> list[str]:
        """Let those of ``sessions`` live again that ended with their node; return which."""
        with self._lock:
            lost = [
                each
                for each in sessions
                if (before := self._sessions.get(each.session_id)) is not None
                and before.end_reason is EndReason.LOST
                and before.node_id == each.node_id
            ]
            self._sessions.update((each.session_id, each) for each in lost)
        return sorted(each.session_id for each in lost)

    def get(self, session_id: str) -> SessionRecord | None:
        """Return the session as it was last stored."""
        return self._sessions.get(session_id)

    def _all(self) -> list[SessionRecord]:
        with self._lock:
            return sorted(self._sessions.values(), key=lambda session: session.connected_at)

    def live(self, *, without_node: str | None = None, limit: int = 10_000) -> list[SessionRecord]:
        """Return the sessions that have not ended, newest first."""
        alive = [s for s in self._all() if s.state is not SessionState.ENDED and s.node_id != without_node]
        return alive[::-1][:limit]

    def recent(self, *, without_node: str, ended_since: float, limit: int = 2_000) -> list[SessionRecord]:
        """Return other nodes' sessions: the live ones, and behind them those that ended since ``ended_since``."""
        ended = [s for s in self._all() if s.node_id != without_node and (s.ended_at or 0.0) >= ended_since]
        ended.sort(key=lambda session: -(session.ended_at or 0.0))
        return [*self.live(without_node=without_node, limit=limit), *ended][:limit]

    def between(
        self, since: float, until: float, *, user: str | None = None, limit: int = 100_000
    ) -> Sequence[SessionRecord]:
        """Return the sessions that lived at some time from ``since`` to ``until`` (UTC), oldest first."""
        return [
            session
            for session in self._all()
            if session.connected_at < until
            and (session.ended_at is None or session.ended_at >= since)
            and (user is None or session.user == user)
        ][:limit]

    def erase(self, user: str) -> int:
        """Remove what is personal of ``user``."""
        with self._lock:
            theirs = [session for session in self._sessions.values() if session.user == user]
            for session in theirs:
                self._sessions[session.session_id] = faceless(session)
            return len(theirs)
