"""An st.App with the session registry, and a JSON window into it at /probe for the tests."""

import logging
import os
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
from octostar_runtime.sessions import SessionRegistry, streamlit_bridge
from octostar_runtime.sessions.streamlit_bridge import SessionTap
from octostar_runtime.settings import load_settings
from tests.real.sessions.apps.window import Window

logging.basicConfig(level=logging.INFO)

bus = EventBus()
registry = SessionRegistry(node_id="node-test", clock=SystemClock(), sink=bus, settings=load_settings())
registry.set_console_pages(lambda page: page.startswith("console"))
window = Window(registry, bus)


async def probe(_: Request) -> Response:
    """Everything the registry knows, and everything that happened."""
    return Response(window.told(), media_type="application/json")


async def act(request: Request) -> Response:
    """Do what an operator does."""
    return Response(window.act(request.query_params), media_type="application/json")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    streamlit_bridge.install(registry, allow=lambda message, _: message != "clear_cache")
    yield
    registry.close()


app = st.App(
    Path(__file__).parent / os.environ.get("TAPPED_SCRIPT", "pages/script.py"),
    lifespan=lifespan,
    middleware=[Middleware(SessionTap)],
    routes=[Route("/probe", probe), Route("/act", act)],
)
