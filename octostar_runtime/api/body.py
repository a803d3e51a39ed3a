"""One request's body on its way in: bounded in size and time, and taken off the wire before a refusal goes out."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

#: A client that sends nothing of its body for this long is let go.
PAUSE_S = 20.0
#: However steadily it drips, a body must be here within this.
WHOLE_S = 900.0
#: What may still come of a body that nobody reads, before the answer goes out regardless.
DRAIN_S = 20.0


class Body:
    """Wraps ``receive``: HTTPException 413 above ``limit`` bytes, 408 when the client dawdles."""

    def __init__(self, receive: Receive, headers: Headers, *, limit: int, pause_s: float, whole_s: float) -> None:
        self._receive = receive
        self._limit = limit
        self._pause_s = pause_s
        self._whole_s = whole_s
        self._until: float | None = None
        declared = headers.get("content-length", "0")
        self._declared = int(declared) if declared.isdigit() else 0
        # with "Expect: 100-continue" a client sends nothing before it is asked to
        self._waits = "expect" in headers
        self._coming = self._declared > 0 or "transfer-encoding" in headers
        self._seen = 0

    async def receive(self) -> Message:
        """Return the next message from the client."""
        if self._declared > self._limit:
            raise self._too_large()
        if not self._coming:
            return await self._receive()  # the disconnect, and that may take its time
        self._waits = False
        message = await self._next()
        if self._seen > self._limit:
            raise self._too_large()
        return message

    async def drain(self, most: int) -> None:
        """Read what is still coming and drop it, up to ``most`` bytes.

        A proxy that is still sending when we answer and close takes that for a broken upstream, and its client
        would never see the answer.
        """
        if not self._coming or self._waits:
            return
        with suppress(TimeoutError, HTTPException):
            async with asyncio.timeout(DRAIN_S):
                while self._coming and self._seen <= most:
                    if (await self._next())["type"] != "http.request":
                        return

    async def _next(self) -> Message:
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + self._whole_s
        try:
            message = await asyncio.wait_for(self._receive(), min(self._pause_s, self._until - loop.time()))
        except TimeoutError:
            self._coming = False  # nothing more is waited for
            if loop.time() >= self._until:
                raise HTTPException(408, f"the body did not come within {self._whole_s:g} s") from None
            raise HTTPException(408, f"nothing of the body came for {self._pause_s:g} s") from None
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            self._coming = bool(message.get("more_body", False))
        else:
            self._coming = False
        return message

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body is larger than {self._limit >> 20} MB")
