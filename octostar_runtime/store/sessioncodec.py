"""A session as a row: columns for what is searched and sorted by, JSON for the rest."""

from collections.abc import Mapping
from typing import Any

from octostar_runtime.models.coding import decode, encode
from octostar_runtime.models.sessions import SessionRecord, SessionState
from octostar_runtime.store.jsontext import clean, dump, load

COLUMNS = ("session_id", "node_id", "state", "seq", "user", "observer", "connected_at", "ended_at")


def session_row(session: SessionRecord) -> dict[str, Any]:
    """Return the row of ``session``."""
    row: dict[str, Any] = {name: getattr(session, name) for name in COLUMNS}
    ended = session.state is SessionState.ENDED
    row["state"] = session.state.value
    row["user"] = None if session.user is None else clean(session.user)
    row["ended_at"] = (session.ended_at or session.last_seen_at) if ended else None
    detail = encode(session)
    row["detail"] = dump({name: value for name, value in detail.items() if name not in COLUMNS})
    return row


def session_of(row: Mapping[Any, Any]) -> SessionRecord:
    """Return the record of a row."""
    return decode(SessionRecord, {**load(row["detail"]), **{name: row[name] for name in COLUMNS}})
