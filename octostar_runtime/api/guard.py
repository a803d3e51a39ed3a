"""The outermost layer of the API: request ids, bodies with limits of size and time, and the access log.

A plain ASGI middleware: it never buffers and costs microseconds.
"""

import asyncio
import logging
import re
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from octostar_runtime.ids import new_id
from octostar_runtime.models.access import Principal

access_log = logging.getLogger("octostar_runtime.api.access")

#: A client that sends nothing of its body for this long is let go.
BODY_PAUSE_S = 20.0
#: Bodies outside of function calls hold a few ids and words.
SMALL_BODY = 8 << 20
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Guard:
    """Wraps the API application."""

    def __init__(self, app: ASGIApp, *, upload_limit: int, body_pause_s: float = BODY_PAUSE_S) -> None:
        self._app = app
        self._upload_limit = upload_limit
        self._body_pause_s = body_pause_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = _request_id(headers.get("x-request-id"))
        method = scope["method"]
        if method == "HEAD":
            # every readable resource answers HEAD; the body is dropped on the way out
            scope = {**scope, "method": "GET", "octostar_head": True}
        log = _Line(method, scope, state)
        try:
            await self._app(scope, self._limited(scope, headers, receive), _answer(send, state, log, method == "HEAD"))
        finally:
            log.write()

    def _limited(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        limit = self._upload_limit if scope["path"].rpartition("/api/functions/")[1] else SMALL_BODY
        declared = headers.get("content-length", "0")
        too_large = declared.isdigit() and int(declared) > limit
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            if too_large:
                raise _too_large(limit)
            try:
                message = await asyncio.wait_for(receive(), self._body_pause_s) if seen >= 0 else await receive()
            except TimeoutError:
                raise HTTPException(408, f"nothing of the body came for {self._body_pause_s:g} s") from None
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise _too_large(limit)
                if not message.get("more_body", False):
                    seen = -1  # what comes now is only the disconnect, and that may take its time
            return message

        return limited


class _Line:
    """One line of the access log. The query is left out: it may hold a sign-in link."""

    def __init__(self, method: str, scope: Scope, state: dict[str, Any]) -> None:
        self._method, self._path, self._state = method, scope["path"], state
        self._client = (scope.get("client") or ("-", 0))[0]
        self._started = time.perf_counter()
        self.status, self.size = 0, 0

    def write(self) -> None:
        if not access_log.isEnabledFor(logging.INFO):
            return
        principal = self._state.get("principal")
        access_log.info(
            "%s %s %s %d %dB %.1fms %s %s",
            self._client,
            self._method,
            self._path.encode("ascii", "backslashreplace").decode(),
            self.status,
            self.size,
            (time.perf_counter() - self._started) * 1000,
            principal.name if isinstance(principal, Principal) else "-",
            self._state["request_id"],
        )


def _answer(send: Send, state: dict[str, Any], log: _Line, drop_body: bool) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = state["request_id"]
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Cache-Control", "no-store")
            log.status = message["status"]
        elif message["type"] == "http.response.body":
            log.size += len(message.get("body", b""))
            if drop_body:
                message = {**message, "body": b""}
        await send(message)

    return answer


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {limit >> 20} MB", {"Connection": "close"})


def _request_id(sent: str | None) -> str:
    return sent if sent and _REQUEST_ID.fullmatch(sent) else new_id()
