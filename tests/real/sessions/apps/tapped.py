"""An st.App with the session registry, and a JSON window into it at /probe for the tests."""

import dataclasses
import json
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
from octostar_runtime.models.events import Event
from octostar_runtime.sessions import SessionRegistry, streamlit_bridge
from octostar_runtime.sessions.streamlit_bridge import SessionTap
from octostar_runtime.settings import load_settings

logging.basicConfig(level=logging.INFO)

bus = EventBus()
events: list[Event] = []
bus.subscribe(events.append)
registry = SessionRegistry(node_id="node-test", clock=SystemClock(), sink=bus, settings=load_settings())
registry.set_console_pages(lambda page: page.startswith("console"))


async def probe(request: Request) -> Response:
    """Everything the registry knows, and everything that happened."""
    told = {
        "sessions": [dataclasses.asdict(record) for record in registry.sessions()],
        "events": [dataclasses.asdict(event) for event in list(events)],
        "callbacks": [dataclasses.asdict(record) for record in registry.callbacks()],
    }
    return Response(json.dumps(told), media_type="application/json")


async def act(request: Request) -> Response:
    """Do what an operator does: /act?do=end&session=...&text=..."""
    given = request.query_params
    session, reason = given.get("session", ""), given.get("reason", "")
    if given["do"] == "message":
        registry.send_message([session], given["text"], given.get("level", "info"), by="ada")
    elif given["do"] == "broadcast":
        registry.broadcast(given["text"], by="ada", lasting_s=float(given.get("lasting", "0")))
    elif given["do"] == "memory":
        return Response(json.dumps(registry.memory_by_key(session)), media_type="application/json")
    else:
        getattr(registry, given["do"])(session, by="ada", reason=reason)
    return Response("{}", media_type="application/json")


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
