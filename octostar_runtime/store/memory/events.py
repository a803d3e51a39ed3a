"""Events in memory."""

import threading
from collections.abc import Sequence

from octostar_runtime.models.events import Event
from octostar_runtime.store.anonymous import Mentions, nameless
from octostar_runtime.store.eventcodec import event_row


class MemoryEvents:
    """Events in the order of their ids."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._events: dict[str, Event] = {}

    def write(self, events: Sequence[Event]) -> None:
        """Keep events."""
        with self._lock:
            for event in events:
                self._events.setdefault(event.event_id, event)
            while len(self._events) > self._limit:
                del self._events[next(iter(self._events))]

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
        """Return events, newest first; see the store on a database."""
        with self._lock:
            events = sorted(self._events.values(), key=lambda event: event.event_id, reverse=True)
        folded = text.casefold()
        return [
            event
            for event in events
            if (not kind or event.kind == kind or (kind.endswith(".") and event.kind.startswith(kind)))
            and (not actor or event.actor == actor)
            and (not subject or event.subject == subject)
            and (not audit or event.actor is not None)
            and (before is None or event.event_id < before)
            and (since is None or event.at >= since)
            and (until is None or event.at < until)
            and folded in _searched(event)
        ][: max(1, limit)]

    def erase(self, user: str) -> int:
        """Name ``user`` in no event."""
        with self._lock:
            mentions = Mentions(user)
            changed = [after for event in self._events.values() if (after := nameless(event, mentions)) is not event]
            self._events.update((event.event_id, event) for event in changed)
            return len(changed)


def _searched(event: Event) -> str:
    return str(event_row(event)["search"])
