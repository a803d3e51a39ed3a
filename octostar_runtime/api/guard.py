"""The outermost layer of the API: request ids, bodies with limits of size and time, failures, and the access log.

A plain ASGI middleware: it never buffers and costs microseconds.
"""

import logging
import re
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from octostar_runtime.api import problems
from octostar_runtime.api.body import PAUSE_S, WHOLE_S, Body
from octostar_runtime.api.conditional import Conditional
from octostar_runtime.ids import new_id
from octostar_runtime.models.access import Principal

logger = logging.getLogger(__name__)
access_log = logging.getLogger("octostar_runtime.api.access")

#: Bodies outside of function calls hold a few ids and words.
SMALL_BODY = 8 << 20
#: The parts of a form that are not the file itself.
FORM_BYTES = 64 << 10
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Guard:
    """Wraps the API application. ``upload_limit`` in bytes is the largest file of a call."""

    def __init__(
        self, app: ASGIApp, *, upload_limit: int, body_pause_s: float = PAUSE_S, body_whole_s: float = WHOLE_S
    ) -> None:
        self._app = app
        self._upload_limit = upload_limit + FORM_BYTES
        self._body_pause_s = body_pause_s
        self._body_whole_s = body_whole_s

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
        limit = self._upload_limit if scope["path"].rpartition("/api/functions/")[1] else SMALL_BODY
        body = Body(receive, headers, limit=limit, pause_s=self._body_pause_s, whole_s=self._body_whole_s)
        answer = _Answer(send, state, log, drop_body=method == "HEAD", drain=lambda: body.drain(self._upload_limit))
        outgoing = Conditional(answer, headers) if scope["method"] == "GET" else answer
        try:
            await self._app(scope, body.receive, outgoing)
        except Exception as error:
            logger.exception("request %s failed: %s %s", state["request_id"], method, _printable(scope["path"]))
            if answer.started:
                raise  # half an answer is out: the server must break the connection off
            await problems.of_error(Request(scope), error)(scope, receive, answer)
        finally:
            log.write()


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
            _printable(self._path),
            self.status,
            self.size,
            (time.perf_counter() - self._started) * 1000,
            _printable(principal.name) if isinstance(principal, Principal) else "-",
            self._state["request_id"],
        )


class _Answer:
    """``send`` with our headers; the body that nobody read is taken off the wire first."""

    def __init__(self, send: Send, state: dict[str, Any], log: _Line, *, drop_body: bool, drain: Any) -> None:
        self._send, self._state, self._log = send, state, log
        self._drop_body = drop_body
        self._drain = drain
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._state["request_id"]
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Cache-Control", "no-store")
            self._log.status = message["status"]
            await self._drain()
            self.started = True
        elif message["type"] == "http.response.body":
            self._log.size += len(message.get("body", b""))
            if self._drop_body:
                message = {**message, "body": b""}
        await self._send(message)


def _printable(text: str) -> str:
    """One line of plain characters, so that nobody can forge a line of the log."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return "".join(char if " " < char < "\x7f" else f"\\x{ord(char):02x}" for char in plain)


def _request_id(sent: str | None) -> str:
    return sent if sent and _REQUEST_ID.fullmatch(sent) else new_id()
