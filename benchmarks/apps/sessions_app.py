"""The server of the sessions benchmark: a small page, the tap, and every event with its monotonic moment at /told."""

import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from octostar_runtime.clock import SystemClock
from octostar_runtime.events import EventBus
from octostar_runtime.models.sessions import SessionEvent
from octostar_runtime.sessions import SessionRegistry, streamlit_bridge
from octostar_runtime.sessions.streamlit_bridge import SessionTap
from octostar_runtime.settings import load_settings

bus = EventBus()
events: list[tuple[str, str, float]] = []
bus.subscribe(lambda event: events.append((event.kind, event.subject, time.monotonic())))
registry = SessionRegistry(node_id="bench", clock=SystemClock(), sink=bus, settings=load_settings())


def beat(_: SessionEvent) -> None:
    """A callback for everybody, so that the dispatcher takes part."""


async def told(_: Request) -> Response:
    """What happened so far, and how many threads there are."""
    # asyncio's own executor grows on demand up to its fixed size; that is not a leak
    threads = [t.name for t in threading.enumerate() if not t.name.startswith(("ThreadPoolExecutor", "AnyIO"))]
    body = {"events": list(events), "threads": len(threads), "workers": registry.workers}
    return Response(json.dumps(body), media_type="application/json")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    streamlit_bridge.install(registry)
    registry.on("heartbeat", beat)
    yield
    registry.close()


app = st.App(
    Path(__file__).parent / "sessions_page.py",
    lifespan=lifespan,
    middleware=[Middleware(SessionTap)],
    routes=[Route("/told", told)],
)
