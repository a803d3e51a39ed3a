"""A pure ASGI middleware that listens to Streamlit's websocket, without changing a byte of it.

It runs on the server's event loop. For each connection it makes a :class:`Connection` and puts it into a context
variable, so that whoever learns the session's id further in (the bridge) can join the two. Frames count as signs
of life, and so do answered pings where the server lets us see them.

    app = st.App("pages/navigation.py", middleware=[Middleware(SessionTap)], lifespan=...)
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

STREAM_PATH = "/_stcore/stream"

#: The connection whose websocket the current asyncio task serves.
CURRENT: ContextVar["Connection | None"] = ContextVar("octostar_connection", default=None)


class Connection:
    """One websocket as seen from the server's edge."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope.get("headers", ())]
        self.bytes_in = 0
        self.bytes_out = 0
        self.on_received: Callable[[int], object] | None = None
        self.on_sent: Callable[[int], object] | None = None
        self.pings = PingWatch(receive)
        client = scope.get("client")
        # uvicorn may already have put X-Forwarded-For in the place of the peer's own address
        self.peer = self.pings.peer or (client[0] if client else None)
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """Receive as the application does, and count."""
        message = await self._receive()
        if message["type"] == "websocket.receive":
            size = len(message.get("bytes") or message.get("text") or b"")
            self.bytes_in += size
            if self.on_received is not None:
                self.on_received(size)
        return message

    async def send(self, message: Message) -> None:
        """Send as the application does, and count."""
        await self._send(message)
        if message["type"] == "websocket.send":
            size = len(message.get("bytes") or message.get("text") or b"")
            self.bytes_out += size
            if self.on_sent is not None:
                self.on_sent(size)

    async def close(self, code: int) -> None:
        """Close the websocket from our side; a connection that is already closed is no error."""
        with contextlib.suppress(Exception):
            await self._send({"type": "websocket.close", "code": code})


class PingWatch:
    """Hears the answered pings of one connection, where the server's protocol object can be seen.

    ASGI hides pings. uvicorn's ``receive`` is a method of the protocol, whose ``handle_pong`` is looked up on each
    pong. Where that is not so, ``hears`` is False and a silent browser can not be told from a quiet one.
    """

    def __init__(self, receive: Callable[..., object]) -> None:
        protocol = getattr(receive, "__self__", None)
        interval = getattr(protocol, "ping_interval", None)
        self.interval_s: float | None = float(interval) if isinstance(interval, int | float) and interval > 0 else None
        client = getattr(protocol, "client", None)
        self.peer: str | None = client[0] if isinstance(client, tuple) and client else None
        self.hears = self.interval_s is not None and callable(getattr(protocol, "handle_pong", None))
        self._protocol = protocol

    def listen(self, on_pong: Callable[[], object]) -> None:
        """Call ``on_pong()`` on the event loop for every pong of this connection."""
        protocol = self._protocol
        if not self.hears or protocol is None:
            return
        original = type(protocol).handle_pong

        def handle_pong(event: object) -> None:
            original(protocol, event)
            on_pong()

        protocol.handle_pong = handle_pong


class SessionTap:
    """The middleware. Everything that is not Streamlit's websocket passes untouched."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or not scope["path"].endswith(STREAM_PATH):
            await self.app(scope, receive, send)
            return
        connection = Connection(scope, receive, send)
        token = CURRENT.set(connection)
        try:
            await self.app(scope, connection.receive, connection.send)
        finally:
            CURRENT.reset(token)
