"""Tell the idle policy of requests, so that a service that an API client uses is not stopped under it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class Activity(Protocol):
    """Where requests are counted; the idle controller's own ``activity`` is one."""

    def request(self, path: str, headers: Mapping[str, str], method: str = "GET") -> AbstractContextManager[bool]: ...


class ActivityTap:
    """A plain ASGI middleware: a request is in flight for as long as its response takes."""

    def __init__(self, app: ASGIApp, *, activity: Activity) -> None:
        self._app = app
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._activity.request(scope["path"], Headers(scope=scope), scope["method"]):
            await self._app(scope, receive, send)
