"""Leases: named claims with an expiry, the same for every node that shares the store."""

from collections.abc import Callable, Sequence

from sqlalchemy import delete, or_, select

from octostar_runtime.errors import InvalidInput
from octostar_runtime.store.database import Database
from octostar_runtime.store.prepared import insert
from octostar_runtime.store.schema import lease


class SqlLeases:
    """Claims in the store. Expiry is judged by the store's time, so that nodes whose clocks differ agree."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def acquire(self, name: str, holder: str, ttl_s: float, *, note: str = "") -> bool:
        """Take or renew the lease; False when somebody else holds it."""
        if ttl_s <= 0:
            raise InvalidInput(f"a lease lasts a positive number of seconds, not {ttl_s}")
        now = self._now()
        values = {"name": name, "holder": holder, "expires_at": now + ttl_s, "note": note}
        with self._database.write() as connection:
            statement = insert(connection, lease).values(values)
            new = statement.excluded
            statement = statement.on_conflict_do_update(
                index_elements=["name"],
                set_={"holder": new.holder, "expires_at": new.expires_at, "note": new.note},
                where=or_(lease.c.holder == new.holder, lease.c.expires_at <= now),
            )
            return connection.execute(statement.returning(lease.c.name)).first() is not None

    def release(self, name: str, holder: str) -> None:
        """Give the lease back; nothing happens when ``holder`` does not hold it."""
        with self._database.write() as connection:
            connection.execute(delete(lease).where(lease.c.name == name, lease.c.holder == holder))

    def holders(self, prefix: str = "") -> Sequence[tuple[str, str, float, str]]:
        """Return (name, holder, expires_at UTC, note) of the leases still in force, by name."""
        statement = select(lease.c.name, lease.c.holder, lease.c.expires_at, lease.c.note)
        statement = statement.where(lease.c.expires_at > self._now()).order_by(lease.c.name)
        if prefix:
            statement = statement.where(lease.c.name.startswith(prefix, autoescape=True))
        with self._database.read() as connection:
            return [(row[0], row[1], row[2], row[3]) for row in connection.execute(statement)]
