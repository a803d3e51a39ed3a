"""Embedded mode answers the same paths as a server of its own; importing the API is light."""

import asyncio
import subprocess
import sys

import pytest
from starlette.types import Receive, Scope, Send

from octostar_runtime.api import ApiForward


class Recorder:
    """An ASGI application that notes the paths it is asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])


async def _nothing() -> dict[str, str]:
    return {"type": "http.disconnect"}


async def _ignore(_: object) -> None:
    return None


@pytest.mark.parametrize("base", ["", "/apps/demo"])
def test_the_apis_paths_go_to_it_whole_and_all_others_to_streamlit(base: str) -> None:
    api, streamlit = Recorder(), Recorder()
    forward = ApiForward(streamlit, get_api=lambda: api, base_path=base)
    ours = ["/api", "/api/", "/api/health", "/api/runs/x", "/docs", "/openapi.json"]
    others = ["/", "/tasks", "/apix", "/docsy", "/_stcore/health", "/openapi.jsonx"]
    for path in [*ours, *others]:
        asyncio.run(forward({"type": "http", "path": base + path}, _nothing, _ignore))
    assert api.paths == [base + path for path in ours]
    assert streamlit.paths == [base + path for path in others]


def test_websockets_always_go_to_streamlit() -> None:
    api, streamlit = Recorder(), Recorder()
    forward = ApiForward(streamlit, get_api=lambda: api)
    asyncio.run(forward({"type": "websocket", "path": "/api/x"}, _nothing, _ignore))
    assert (api.paths, streamlit.paths) == ([], ["/api/x"])


def test_the_api_process_imports_neither_streamlit_nor_pandas() -> None:
    code = (
        "import sys, octostar_runtime.api.__main__, octostar_runtime.demos.functions; "
        "sys.exit(', '.join(m for m in ('streamlit', 'pandas', 'numpy', 'plotly') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
