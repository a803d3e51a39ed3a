"""A real API server in this process: a started runtime on SQLite behind uvicorn on a free port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from octostar_runtime.api.app import create_api
from octostar_runtime.api.http_protocol import ProblemProtocol
from octostar_runtime.client import Client
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.runtime import Runtime
from octostar_runtime.settings import Settings
from octostar_runtime.testing import wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """Where it answers, and the runtime behind it."""

    url: str
    runtime: Runtime

    def token(self, role: Role = Role.ADMIN, *scopes: str) -> str:
        """Return a fresh token of that role."""
        by = Principal(name=role.name.lower(), role=role, via="local")
        return self.runtime.access.make_token(label="test", by=by, scopes=scopes).secret

    def client(self, role: Role = Role.ADMIN, *scopes: str) -> Client:
        """Return a client with a fresh token of that role."""
        return Client(self.url, self.token(role, *scopes))


@contextmanager
def running_api(state_dir: Path, **settings: object) -> Iterator[ApiServer]:
    """Run the API until the block ends; its own thread, so signals are not touched."""
    chosen = Settings.model_validate({"state_dir": state_dir, **settings})
    runtime = Runtime(kind="api", settings=chosen).start()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            create_api(runtime), http=ProblemProtocol, log_config=None, access_log=False, timeout_graceful_shutdown=5
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="api-server", daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the API server")
        yield ApiServer(url=f"http://127.0.0.1:{listener.getsockname()[1]}", runtime=runtime)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        runtime.stop()
