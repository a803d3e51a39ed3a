"""Put a damaged SQLite file aside, so that the node can begin a new one and say so."""

import sqlite3
import time
from pathlib import Path

#: Files up to this size are checked page by page at every start, which takes a fraction of a second,
SMALL_BYTES = 32 * 1024 * 1024
#: and up to this size when there is reason to doubt them.
FULL_CHECK_BYTES = 1024 * 1024 * 1024
_COMPANIONS = ("", "-wal", "-shm")


def damage_of(path: Path) -> str | None:
    """Return what is wrong with the file at ``path``; None when it is sound, or not there."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    full = path.stat().st_size <= (FULL_CHECK_BYTES if suspect_marker(path).exists() else SMALL_BYTES)
    try:
        connection = sqlite3.connect(path, timeout=5.0)
        try:
            return _examine(connection, full=full)
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return None  # locked, read-only, no permission: not damage, and told by whoever opens it next
    except sqlite3.DatabaseError as error:
        return str(error)


def _examine(connection: sqlite3.Connection, *, full: bool) -> str | None:
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in names:
        if name.startswith(("sqlite_", "run_search")):
            continue
        connection.execute(f'SELECT * FROM "{name}" LIMIT 1').fetchall()
    if not full:
        return None
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if found is None or found[0] == "ok" else str(found[0])


def suspect_marker(path: Path) -> Path:
    """Return the file whose presence asks the next start for a full check."""
    return path.with_name(path.name + ".suspect")


def put_aside(path: Path, reason: str) -> str:
    """Rename the damaged file and its companions; return the sentence for the console."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for suffix in _COMPANIONS:
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    suspect_marker(path).unlink(missing_ok=True)
    return f"the store was damaged ({reason}); it was put aside as {aside.name} and a new one was begun"
