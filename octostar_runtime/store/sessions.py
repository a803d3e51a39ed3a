"""The archive of sessions."""

from collections.abc import Sequence

from sqlalchemy import or_, select

from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.store.database import Database
from octostar_runtime.store.schema import session
from octostar_runtime.store.sessioncodec import session_of


class SqlSessions:
    """Sessions of all nodes, live and ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, session_id: str) -> SessionRecord | None:
        """Return the session as it was last stored."""
        with self._database.read() as connection:
            row = connection.execute(select(session).where(session.c.session_id == session_id)).mappings().first()
        return None if row is None else session_of(row)

    def live(self, *, without_node: str | None = None, limit: int = 10_000) -> list[SessionRecord]:
        """Return the sessions that have not ended, newest first."""
        statement = select(session).where(session.c.ended_at.is_(None))
        if without_node is not None:
            statement = statement.where(session.c.node_id != without_node)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(session.c.connected_at.desc()).limit(limit)).mappings()
            return [session_of(row) for row in rows]

    def recent(self, *, without_node: str, ended_since: float, limit: int = 2_000) -> list[SessionRecord]:
        """Return other nodes' sessions: the live ones, and behind them those that ended since ``ended_since``."""
        ended = select(session).where(session.c.ended_at >= ended_since, session.c.node_id != without_node)
        with self._database.read() as connection:
            rows = connection.execute(ended.order_by(session.c.ended_at.desc()).limit(limit)).mappings().all()
        return [*self.live(without_node=without_node, limit=limit), *(session_of(row) for row in rows)][:limit]

    def between(
        self, since: float, until: float, *, user: str | None = None, limit: int = 100_000
    ) -> Sequence[SessionRecord]:
        """Return the sessions that lived at some time from ``since`` to ``until`` (UTC), oldest first."""
        alive = or_(session.c.ended_at.is_(None), session.c.ended_at >= since)
        statement = select(session).where(session.c.connected_at < until, alive)
        if user is not None:
            statement = statement.where(session.c.user == user)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(session.c.connected_at).limit(limit)).mappings()
            return [session_of(row) for row in rows]
