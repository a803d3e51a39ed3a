"""Stored history: what happened, to what, when, and by whom."""

from collections.abc import Sequence

from sqlalchemy import select

from octostar_runtime.models.events import Event
from octostar_runtime.store.database import Database
from octostar_runtime.store.eventcodec import event_of
from octostar_runtime.store.schema import event


class SqlEvents:
    """Events in the store, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def events(
        self,
        *,
        kind: str = "",
        actor: str = "",
        text: str = "",
        audit: bool = False,
        before: str | None = None,
        limit: int = 100,
        subject: str = "",
        since: float | None = None,
        until: float | None = None,
    ) -> Sequence[Event]:
        """Return events, newest first.

        ``kind`` ending in a dot means all kinds below it (``"run."``); ``text`` is looked for in subject, actor,
        reason and data, ignoring case; ``audit`` keeps those that a person caused; ``before`` is the event_id at
        which the page before ended.
        """
        statement = select(event).order_by(event.c.event_id.desc()).limit(max(1, min(limit, 10_000)))
        if kind.endswith("."):
            statement = statement.where(event.c.kind >= kind, event.c.kind < kind[:-1] + "/")  # "/" comes after "."
        elif kind:
            statement = statement.where(event.c.kind == kind)
        if actor:
            statement = statement.where(event.c.actor == actor)
        if subject:
            statement = statement.where(event.c.subject == subject)
        if text:
            statement = statement.where(event.c.search.contains(text.casefold(), autoescape=True))
        if audit:
            statement = statement.where(event.c.actor.is_not(None))
        if before is not None:
            statement = statement.where(event.c.event_id < before)
        if since is not None:
            statement = statement.where(event.c.at >= since)
        if until is not None:
            statement = statement.where(event.c.at < until)
        with self._database.read() as connection:
            return [event_of(row) for row in connection.execute(statement).mappings()]
