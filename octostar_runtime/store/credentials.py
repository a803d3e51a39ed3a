"""Stored credentials: links, cookies and tokens by the SHA-256 of their secret."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, update

from octostar_runtime.models.access import Credential, Role
from octostar_runtime.store import schema
from octostar_runtime.store.database import Database
from octostar_runtime.store.prepared import insert

_SCOPE_SEPARATOR = "\n"
_table = schema.credential


class SqlCredentials:
    """Credentials in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, credential: Credential) -> None:
        """Store a credential, or what changed of it."""
        row = _row(credential)
        with self._database.write() as connection:
            statement = insert(connection, _table).values(row)
            changed = {name: statement.excluded[name] for name in row if name != "credential_id"}
            # A copy read before somebody revoked the credential must not bring it back to life.
            changed["revoked_at"] = func.coalesce(_table.c.revoked_at, statement.excluded.revoked_at)
            connection.execute(statement.on_conflict_do_update(index_elements=["credential_id"], set_=changed))

    def find(self, digest: str) -> Credential | None:
        """Return the credential of that digest, whether or not it is still good."""
        with self._database.read() as connection:
            row = connection.execute(select(_table).where(_table.c.digest == digest)).mappings().first()
        return None if row is None else _record(row)

    def consume(self, digest: str, *, at: float) -> Credential | None:
        """Revoke and return a one-use credential in one atomic step; None when unknown, used or expired."""
        c = _table.c
        statement = (
            update(_table)
            .where(c.digest == digest, c.revoked_at.is_(None), c.expires_at > at)
            .values(revoked_at=at, last_used_at=at)
            .returning(*_table.c)
        )
        with self._database.write() as connection:
            row = connection.execute(statement).mappings().first()
        return None if row is None else _record(row)

    def revoke(self, credential_id: str, *, at: float) -> bool:
        """Revoke a credential; False when it is unknown or revoked already."""
        c = _table.c
        statement = update(_table).where(c.credential_id == credential_id, c.revoked_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(statement.values(revoked_at=at)).rowcount > 0

    def note_used(self, at: Mapping[str, float]) -> None:
        """Store when each of these credentials was used, UTC seconds by id; unknown ones are passed over."""
        c = _table.c
        statement = update(_table).where(
            c.credential_id == bindparam("used_id"), func.coalesce(c.last_used_at, 0.0) < bindparam("used_at")
        )
        rows = [{"used_id": name, "used_at": used_at} for name, used_at in sorted(at.items())]
        with self._database.write() as connection:
            connection.execute(statement.values(last_used_at=bindparam("used_at")), rows)

    def all(self, kind: str) -> Sequence[Credential]:
        """Return all credentials of a kind, newest first."""
        statement = select(_table).where(_table.c.kind == kind).order_by(_table.c.created_at.desc())
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(statement).mappings()]


def _row(record: Credential) -> dict[str, Any]:
    row = {column.name: getattr(record, column.name) for column in _table.c}
    return {**row, "role": int(record.role), "scopes": _SCOPE_SEPARATOR.join(sorted(record.scopes))}


def _record(row: Mapping[Any, Any]) -> Credential:
    scopes = frozenset(filter(None, row["scopes"].split(_SCOPE_SEPARATOR)))
    return Credential(**{**row, "role": Role(row["role"]), "scopes": scopes})
