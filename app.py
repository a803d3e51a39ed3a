"""The console as one application: ``streamlit run app.py``, or the UI process that main.sh starts.

Streamlit runs ``pages/navigation.py`` for every page. Around it: the runtime (started here, stopped here), the tap
that sees every session from its first byte, and, when this is the only process, the API under the same address.
"""

import gc
import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from urllib.parse import urlencode

import anyio.to_thread
import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from octostar_runtime.runtime import Runtime, get_runtime, stop_runtime
from octostar_runtime.sessions import streamlit_bridge
from octostar_runtime.sessions.streamlit_bridge import SessionTap
from octostar_runtime.settings import load_settings
from octostar_runtime.ui.links import PAGES, Links

SETTINGS = load_settings()
EMBEDDED = SETTINGS.mode == "embedded"


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the runtime before the first browser and stop it after the last one."""
    runtime = await anyio.to_thread.run_sync(partial(get_runtime, "ui"))
    runtime.sessions.set_console_pages(Links().is_page)
    # No browser may clear the caches of everybody, whatever its developer menu says.
    streamlit_bridge.install(runtime.sessions, allow=lambda _message, _session: False)
    async with AsyncExitStack() as stack:
        if EMBEDDED:
            from octostar_runtime.api.forward import api_lifespan

            await stack.enter_async_context(api_lifespan(api()))
            await anyio.to_thread.run_sync(_announce, runtime)
        _warm_up()
        yield
    await anyio.to_thread.run_sync(stop_runtime)


@cache
def api() -> ASGIApp:
    """Return the API of this process; in full mode it is a process of its own and this is never called."""
    from octostar_runtime.api.app import create_api

    return create_api(get_runtime("ui"))


def middleware() -> list[Middleware]:
    """Return what sees a request before Streamlit does."""
    if not EMBEDDED:
        return [Middleware(SessionTap)]
    from octostar_runtime.api.forward import ApiForward

    return [Middleware(SessionTap), Middleware(ApiForward, get_api=api, base_path=SETTINGS.base_path)]


def _announce(runtime: Runtime) -> None:
    """Print how to sign in. In full mode the launcher does, with the address that nginx serves."""
    host, port = st.get_option("server.address") or "127.0.0.1", st.get_option("server.port")
    link = urlencode({"link": runtime.access.first_link()})
    sys.stdout.write(
        f"Sign in (this link works once): http://{host}:{port}{SETTINGS.base_path}/api/sign-in?{link}\n"
        f"API token for programs: {runtime.access.local_token_file()}\n"
    )
    sys.stdout.flush()


def _warm_up() -> None:
    """Import the screens before the first viewer, and keep what is here for good out of every collection."""
    for name in PAGES:
        importlib.import_module(f"octostar_runtime.ui.screens.{name}")
    gc.collect()
    gc.freeze()


app = st.App("pages/navigation.py", lifespan=lifespan, middleware=middleware())
