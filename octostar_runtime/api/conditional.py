"""Conditional reads: a client that has a document already hears that it is still the same, and nothing more."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Send


class Conditional:
    """``send`` that turns a 200 with an ``ETag`` into a 304 when the client's ``If-None-Match`` names it."""

    def __init__(self, send: Send, request: Headers) -> None:
        self._send = send
        self._known = request.get("if-none-match")
        self._unchanged = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._known is not None and message["status"] == 200:
            tag = Headers(raw=message["headers"]).get("etag")
            if tag is not None and names(self._known, tag):
                self._unchanged = True
                message = {**message, "status": 304, "headers": list(message["headers"])}
                headers = MutableHeaders(raw=message["headers"])
                del headers["content-length"], headers["content-type"]
                message["headers"] = headers.raw
        elif message["type"] == "http.response.body" and self._unchanged:
            message = {**message, "body": b""}
        await self._send(message)


def names(header: str, tag: str) -> bool:
    """Whether an ``If-None-Match`` or ``If-Match`` header names ``tag``; weak and strong compare alike."""
    sent = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in sent or tag.removeprefix("W/") in sent
