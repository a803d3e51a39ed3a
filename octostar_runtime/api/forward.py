"""Embedded mode: the Streamlit process answers the API's paths too, whole and unstripped.

A mount at ``/api`` would take the prefix off, and ``/docs`` would be Streamlit's page. So a middleware looks at the
path and hands those of the API to it, in the same process and loop.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

WHOLE = ("/docs", "/openapi.json", "/api", "/docs/oauth2-redirect", "/desktop")


class ApiForward:
    """ASGI middleware for ``st.App(middleware=[Middleware(ApiForward, get_api=…)])``.

    ``get_api()`` is asked on the first API request and must return the same application each time.
    """

    def __init__(self, app: ASGIApp, *, get_api: Callable[[], ASGIApp], base_path: str = "") -> None:
        self._app = app
        self._get_api = get_api
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_ours(scope["path"]):
            # the API knows its own prefix; what Streamlit keeps in the scope is none of its business
            forwarded = {**scope, "root_path": "", "state": {}, "app": None}
            await self._get_api()(forwarded, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, path: str) -> bool:
        inner = path.removeprefix(self._base_path) if self._base_path else path
        return inner in WHOLE or inner.startswith("/api/")


@asynccontextmanager
async def api_lifespan(api: Any) -> AsyncIterator[None]:
    """Run the API's own start and stop around a block, in the lifespan of the application that forwards to it."""
    async with api.router.lifespan_context(api):
        yield
