"""An event as a row."""

import json
from collections.abc import Mapping
from typing import Any

from octostar_runtime.models.events import Event
from octostar_runtime.store.jsontext import clean, dump, load


def event_row(event: Event) -> dict[str, Any]:
    """Return the row of ``event``."""
    data = dump(dict(event.data)) if event.data else "{}"
    said = _readable(event) if "\\u" in data else data if event.data else ""
    words = (event.kind, event.subject, event.actor or "", event.reason or "", said)
    return {
        "event_id": event.event_id,
        "at": event.at,
        "node_id": event.node_id,
        "kind": event.kind,
        "subject": clean(event.subject),
        "actor": None if event.actor is None else clean(event.actor),
        "reason": None if event.reason is None else clean(event.reason),
        "data": data,
        "search": clean("\n".join(words).casefold()),
    }


def _readable(event: Event) -> str:
    """Return the data as people write it: JSON as it is kept has an escape in the place of every umlaut."""
    return json.dumps(dict(event.data), ensure_ascii=False, default=str)


def event_of(row: Mapping[Any, Any]) -> Event:
    """Return the event of a row."""
    return Event(
        event_id=row["event_id"],
        at=row["at"],
        node_id=row["node_id"],
        kind=row["kind"],
        subject=row["subject"],
        actor=row["actor"],
        reason=row["reason"],
        data=load(row["data"]),
    )
