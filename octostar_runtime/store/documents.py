"""Versioned documents, such as the idle policy: every version stays, and who saved it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError

from octostar_runtime.errors import VersionConflict
from octostar_runtime.store.database import Database
from octostar_runtime.store.jsontext import dump, load
from octostar_runtime.store.schema import document


class SqlDocuments:
    """Documents by name and version."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def load(self, name: str) -> tuple[Mapping[str, object], int] | None:
        """Return the newest document and its version, None when there is none."""
        newest = select(document).where(document.c.name == name).order_by(document.c.version.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(newest).mappings().first()
        return None if row is None else (load(row["doc"]), row["version"])

    def save(self, name: str, doc: Mapping[str, object], *, expected: int, actor: str | None) -> int:
        """Store the next version; VersionConflict when ``expected`` is not the version now stored (0: none)."""
        row = {"name": name, "version": expected + 1, "doc": dump(dict(doc)), "actor": actor, "at": self._now()}
        try:
            with self._database.write() as connection:
                current = connection.execute(_version_of(name)).scalar() or 0
                if current != expected:
                    raise _conflict(name, expected, current)
                connection.execute(document.insert().values(row))
        except IntegrityError:  # two at the same moment, on a server that lets them
            with self._database.read() as connection:
                raise _conflict(name, expected, connection.execute(_version_of(name)).scalar() or 0) from None
        return expected + 1

    def history(self, name: str, *, limit: int = 20) -> Sequence[tuple[int, float, str | None, Mapping[str, object]]]:
        """Return (version, saved_at, actor, document), newest first."""
        newest = select(document).where(document.c.name == name).order_by(document.c.version.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(newest).mappings().all()
        return [(row["version"], row["at"], row["actor"], load(row["doc"])) for row in rows]


def _version_of(name: str) -> Select[Any]:
    return select(func.max(document.c.version)).where(document.c.name == name)


def _conflict(name: str, expected: int, current: int) -> VersionConflict:
    return VersionConflict(
        f"{name} was saved by somebody else: version {current} is stored, yours is based on {expected}; "
        "load it again and repeat your change",
        current=current,
    )
