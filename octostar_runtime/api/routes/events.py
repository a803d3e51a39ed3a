"""History: events and the audit log, as a list and as a live stream."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from octostar_runtime.api.auth import Reader
from octostar_runtime.api.context import Runtime, Surroundings, View
from octostar_runtime.api.lists import Limit, reply
from octostar_runtime.api.streams import EventStream
from octostar_runtime.models.events import Event

router = APIRouter(prefix="/api/events", tags=["events"])

Kind = Annotated[str, Query(max_length=100, description="a kind such as `run.cancelled`, or a group such as `run.`")]
Actor = Annotated[str, Query(max_length=200, description="who did it")]
Text = Annotated[str, Query(max_length=200, description="text in subject, actor, reason or data")]
Audit = Annotated[bool, Query(description="only what a person caused")]


class EventPage(BaseModel):
    """One page of events, newest first. History is long: how many there are in all is not counted."""

    items: list[Event]
    next: str | None = Field(None, description="cursor of the next page; null on the last one")
    taken_at: float = Field(description="the moment the list shows, UTC seconds")


@router.get("", summary="List events", response_model=EventPage)
def list_events(
    runtime: Runtime,
    view: View,
    caller: Reader,
    kind: Kind = "",
    actor: Actor = "",
    text: Text = "",
    audit: Audit = False,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
) -> Response:
    """List what happened, newest first. `GET /api/events/stream` sends new events as they come (SSE)."""
    view.check_event_search(text, actor, caller)
    found = runtime.store.events.events(kind=kind, actor=actor, text=text, audit=audit, before=cursor, limit=limit + 1)
    items = list(found[:limit])
    more = items[-1].event_id if len(found) > limit else None
    items = [view.event(event, caller) for event in items]
    page = EventPage.model_construct(items=items, next=more, taken_at=runtime.clock.time())
    return reply(EventPage, page)


@router.get("/stream", include_in_schema=False)
async def stream_events(
    api: Surroundings,
    view: View,
    caller: Reader,
    kind: Kind = "",
    audit: Audit = False,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """Send events as they come, as Server-Sent Events, until the client leaves or the service stops."""
    seen = partial(view.event, by=caller)
    return EventStream(api, kind=kind, audit=audit, after=last_event_id, seen=seen).response()
