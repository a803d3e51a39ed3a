"""A real nginx with our configuration, in front of whatever listens on the ports of its settings."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from octostar_runtime.deploy.layout import Layout
from octostar_runtime.deploy.nginx_config import render_nginx
from octostar_runtime.settings import Settings
from tests.support.ports import free_port
from tests.support.stub_server import StubServer
from tests.support.tools import need_tool

EDGE_SECRET = "edge-secret-of-this-test"


class Nginx:
    """nginx on a free port; ``changes`` are settings. ``locations`` is an operator's own configuration."""

    def __init__(
        self, *, ui: int, api: int, locations: str = "", account: str | None = "root", **changes: object
    ) -> None:
        self.port = free_port()
        self.dir = Path(tempfile.mkdtemp(prefix="octostar-nginx-"))
        settings = Settings.model_validate(
            {"bind": f"127.0.0.1:{self.port}", "ui_port": ui, "api_port": api, "state_dir": self.dir, **changes}
        )
        self.layout = Layout(settings=settings, app=Path("app.py"), edge_secret=EDGE_SECRET)
        self.layout.nginx_dir.mkdir()
        self.layout.locations.mkdir()
        (self.layout.locations / "operator.conf").write_text(locations)
        self.layout.nginx_conf.write_text(render_nginx(self.layout, account=account if os.geteuid() == 0 else None))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What nginx logged so far, requests and errors."""
        return (self.dir / "log").read_text(errors="replace")

    def command(self, *more: str) -> list[str]:
        prefix, conf = str(self.layout.nginx_dir), str(self.layout.nginx_conf)
        return [need_tool("nginx"), "-e", "stderr", "-p", prefix, "-c", conf, *more]

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=40.0, **options)  # type: ignore[arg-type]

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.request("GET", path, **options)

    def __enter__(self) -> Self:
        with (self.dir / "log").open("wb") as log:
            self._process = subprocess.Popen(self.command("-g", "daemon off;"), stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while True:
            try:
                httpx.get(self.url + "/.listening", timeout=5, headers={"X-No-Track-Activity": "1"})
                return self
            except httpx.TransportError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"nginx did not start:\n{self.log}") from None
                time.sleep(0.01)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


class Deployment:
    """nginx between a stub UI and a stub API whose wake route starts the UI, once, as the idle controller does."""

    def __init__(self, *, ui_runs: bool = True, locations: str = "", **changes: Any) -> None:
        self.ui, self.api = StubServer("ui"), StubServer("api")
        self.ui_runs = ui_runs
        self.nginx = Nginx(ui=self.ui.port, api=self.api.port, locations=locations, **changes)

    def __enter__(self) -> Self:
        if self.ui_runs:
            self.ui.start()
        self.api.start()
        self.nginx.__enter__()
        self.ui.calls.clear()
        self.api.calls.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.nginx.__exit__(kind, error, trace)
        self.ui.stop()
        self.api.stop()
