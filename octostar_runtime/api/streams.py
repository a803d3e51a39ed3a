"""Live events as Server-Sent Events.

Events of this node come at once, by its bus. Those of other nodes reach this one through the store, so one reader per
process asks the store twice a second while anybody listens. What is new goes to all streams, once.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from octostar_runtime.errors import LimitReached, StoreUnavailable
from octostar_runtime.models.events import Event

if TYPE_CHECKING:
    from octostar_runtime.api.context import Api

logger = logging.getLogger(__name__)

INTERVAL_S = 0.5
#: A comment this often keeps proxies from closing a quiet stream.
KEEP_ALIVE_S = 15.0
#: Events read at once; a reader that falls behind by more is told that some are missing.
BATCH = 500
#: Usually little is new: so many are read first.
FEW = 50
STREAMS = 100
_EVENT = TypeAdapter(Event)


class EventFeed:
    """Read new events once for all streams. Lives on the loop that serves."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard: deque[Event] = deque(maxlen=2 * BATCH)  # of this node, on their way to the loop
        self._unsubscribe: Callable[[], None] = lambda: None

    def join(self, api: "Api") -> asyncio.Queue[Event]:
        """Return a queue of new events. LimitReached when too many listen already."""
        if len(self._queues) >= STREAMS:
            raise LimitReached(f"{STREAMS} streams are open already; read GET /api/events instead")
        queue: asyncio.Queue[Event] = asyncio.Queue(maxsize=2 * BATCH)
        self._queues.add(queue)
        if self._task is None or self._task.done():
            self._seen.clear()
            self._heard.clear()
            self._loop = asyncio.get_running_loop()
            self._unsubscribe = api.backend.bus.subscribe(self._hear)
            self._task = asyncio.create_task(self._read(api), name="octostar-event-feed")
        return queue

    def leave(self, queue: asyncio.Queue[Event]) -> None:
        """Stop feeding a queue; with the last one the reading ends."""
        self._queues.discard(queue)
        if not self._queues and self._task is not None:
            self._unsubscribe()
            self._task.cancel()
            self._task = None

    def _hear(self, event: Event) -> None:
        """Take an event of this node, in whatever thread it happened; a burst wakes the loop once."""
        waiting = bool(self._heard)
        self._heard.append(event)
        if not waiting and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._pass_on)

    def _pass_on(self) -> None:
        while self._heard:
            self._hand_out((self._heard.popleft(),))

    async def _read(self, api: "Api") -> None:
        first = True
        while True:
            try:
                newest = await self._newest(api, BATCH if first else FEW)
                if not first and len(newest) == FEW and all(event.event_id not in self._seen for event in newest):
                    newest = await self._newest(api, BATCH)
            except StoreUnavailable as error:
                logger.info("the event stream waits for the store: %s", error)
            else:
                self._hand_out(reversed(newest), quietly=first)
                first = False
            await asyncio.sleep(INTERVAL_S)

    @staticmethod
    async def _newest(api: "Api", limit: int) -> list[Event]:
        return list(await run_in_threadpool(lambda: api.backend.store.events.events(limit=limit)))

    def _hand_out(self, events: Iterable[Event], *, quietly: bool = False) -> None:
        """Pass on what was not seen before, oldest first. Nodes flush at their own pace, so order is not enough."""
        for event in events:
            if event.event_id in self._seen:
                continue
            self._seen[event.event_id] = None
            if len(self._seen) > 4 * BATCH:
                self._seen.popitem(last=False)
            if quietly:
                continue
            for queue in self._queues:
                if queue.full():
                    queue.get_nowait()  # a reader this slow loses the oldest, not the server its memory
                queue.put_nowait(event)


class EventStream:
    """One client's stream; ``seen`` turns an event into what this client may see of it."""

    def __init__(
        self, api: "Api", *, kind: str, audit: bool, after: str | None, seen: Callable[[Event], Event]
    ) -> None:
        self._api = api
        self._kind = kind
        self._audit = audit
        self._after = after
        self._seen = seen
        self._queue = api.feed.join(api)

    def response(self) -> StreamingResponse:
        """Return the response that streams; proxies are told not to buffer it."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._lines(), media_type="text/event-stream", headers=headers)

    async def _lines(self) -> AsyncIterator[str]:
        stop = asyncio.create_task(self._api.stopping.wait())
        try:
            yield "retry: 2000\n: events as they come\n\n"
            for event in await self._missed():
                yield _frame(self._seen(event))
            while not self._api.stopping.requested:
                turn = asyncio.create_task(self._queue.get())
                done, _ = await asyncio.wait({turn, stop}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
                if turn in done:
                    if self._wanted(event := turn.result()):
                        yield _frame(self._seen(event))
                    continue
                turn.cancel()
                if not done:
                    yield ": still here\n\n"
        finally:
            stop.cancel()
            self._api.feed.leave(self._queue)

    async def _missed(self) -> list[Event]:
        """Return what came since the event that the client saw last."""
        if not self._after:
            return []
        newest = await run_in_threadpool(
            lambda: self._api.backend.store.events.events(kind=self._kind, audit=self._audit, limit=BATCH)
        )
        return [event for event in reversed(newest) if event.event_id > (self._after or "")]

    def _wanted(self, event: Event) -> bool:
        if self._audit and event.actor is None:
            return False
        return event.kind.startswith(self._kind) if self._kind.endswith(".") else self._kind in ("", event.kind)


def _frame(event: Event) -> str:
    return f"id: {event.event_id}\nevent: {event.kind}\ndata: {_EVENT.dump_json(event).decode()}\n\n"
