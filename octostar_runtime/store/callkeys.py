"""Which run a caller's key started, the same for every node that shares the store."""

from collections.abc import Callable

from sqlalchemy import and_, delete, or_, select, update

from octostar_runtime.models.calls import KEPT_S, PENDING_S, KeyedCall
from octostar_runtime.store.database import Database
from octostar_runtime.store.prepared import insert
from octostar_runtime.store.schema import call_key


class SqlCallKeys:
    """Keys in the store. Age is judged by the store's time, so that nodes whose clocks differ agree."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def claim(self, key: str, content: str) -> KeyedCall | None:
        """Take the key for a request, in one atomic step; return whose it is when somebody has it."""
        now, c = self._now(), call_key.c
        with self._database.write() as connection:
            statement = insert(connection, call_key).values(key=key, content=content, run_id=None, at=now)
            new = statement.excluded
            taken = statement.on_conflict_do_update(
                index_elements=["key"],
                set_={"content": new.content, "run_id": new.run_id, "at": new.at},
                where=or_(c.at <= now - KEPT_S, and_(c.run_id.is_(None), c.at <= now - PENDING_S)),
            ).returning(c.key)
            if connection.execute(taken).first() is not None:
                return None
            row = connection.execute(select(c.content, c.run_id).where(c.key == key)).one()
        return KeyedCall(content=row.content, run_id=row.run_id)

    def settle(self, key: str, run_id: str) -> None:
        """Note the run that the request with the key has started."""
        with self._database.write() as connection:
            connection.execute(update(call_key).where(call_key.c.key == key).values(run_id=run_id))

    def free(self, key: str) -> None:
        """Give a key back of which no run came."""
        with self._database.write() as connection:
            connection.execute(delete(call_key).where(call_key.c.key == key, call_key.c.run_id.is_(None)))
