"""The whole console, really running: UI, API and nginx under supervisord, on free ports and a state of its own.

    with RunningApp() as app:                       # as ./main.sh starts it
        app.get("/api/health")
        app.api("POST", "/api/services/ui/stop", json={"reason": "test"})
        StreamlitClient(app.url, headers={"Cookie": app.sign_in()})

Leaving the block stops it like Ctrl-C and asserts that no process is left. ``nginx=False`` is the embedded form.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from tests.support.ports import free_port
from tests.support.processes import alive, describe, family, marked
from tests.support.streamlit_server import ROOT
from tests.support.tools import need_tool

READY = re.compile(r"is ready: (\S+)/")
LINK = re.compile(r"Sign in \(.*?\): (\S+)")


class RunningApp:
    """One deployment. ``env`` adds settings; ``app`` is another Streamlit entry; ``command`` another launcher."""

    def __init__(
        self,
        *,
        nginx: bool = True,
        app: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        command: Sequence[str] | None = None,
        cwd: str | Path = ROOT,
        state_dir: Path | None = None,
        ready_within_s: float = 60.0,
    ) -> None:
        self.ui_port, self.api_port, self.port = free_port(), free_port(), free_port()
        self.nginx = nginx
        self._own_state = state_dir is None
        # unix sockets want short paths, so not under pytest's temporary folder
        self.state_dir = state_dir or Path(tempfile.mkdtemp(prefix="octostar-"))
        self._command = list(command or [sys.executable, "-m", "octostar_runtime.deploy"])
        self._command += [*([] if nginx else ["--no-nginx"]), *(["--app", str(app)] if app else []), *args]
        self._env = dict(env or {})
        self._cwd = Path(cwd)
        self._ready_within_s = ready_within_s
        self._output = Path(tempfile.mkstemp(prefix="octostar-", suffix=".out")[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: set[psutil.Process] = set()

    # -- addresses -------------------------------------------------------------------------------------------

    @property
    def base_path(self) -> str:
        return self._env.get("OCTOSTAR_BASE_PATH", "")

    @property
    def url(self) -> str:
        """The public address, without a trailing slash."""
        return f"http://127.0.0.1:{self.port if self.nginx else self.ui_port}{self.base_path}"

    @property
    def ui_url(self) -> str:
        """Streamlit's own inner address."""
        return f"http://127.0.0.1:{self.ui_port}{self.base_path}"

    @property
    def api_url(self) -> str:
        """The API server's own inner address (the UI's when the API is embedded)."""
        return f"http://127.0.0.1:{self.api_port}" if self.nginx else self.ui_url

    @property
    def token(self) -> str:
        """The admin token from the file that the launcher names."""
        return (self.state_dir / "api-token").read_text().strip()

    @property
    def sign_in_link(self) -> str:
        """The one-use link that was printed."""
        found = LINK.search(self.output)
        assert found, f"no sign-in link was printed:\n{self.output}"
        return found.group(1)

    # -- talking to it ---------------------------------------------------------------------------------------

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET a path below the public address, as nobody in particular."""
        return httpx.get(self.url + path, timeout=options.pop("timeout", 40.0), **options)

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API below the public address as admin."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=options.pop("timeout", 40.0), **options)

    def sign_in(self) -> str:
        """Use up the printed link and return the Cookie header of a signed-in admin."""
        with httpx.Client(timeout=20.0, follow_redirects=False) as client:
            answer = client.get(self.sign_in_link)
            assert client.cookies, f"the sign-in link set no cookie: {answer.status_code} {answer.text[:300]}"
            return "; ".join(f"{name}={value}" for name, value in client.cookies.items())

    def supervisor(self, method: str, *arguments: Any) -> Any:
        """Call supervisord, e.g. ``supervisor("stopProcess", "ui")``."""
        from xmlrpc.client import ServerProxy

        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(serverurl=f"unix://{self.state_dir / 'supervisor.sock'}")
        proxy = ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    def pid_of(self, program: str) -> int:
        """Return the pid of a supervised program, 0 when it does not run."""
        return int(self.supervisor("getProcessInfo", program)["pid"])

    # -- starting and stopping -------------------------------------------------------------------------------

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The launcher, which is supervisord once it runs."""
        assert self._process is not None, "start the app first"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        """What it printed to the terminal."""
        return self._output.read_text(errors="replace")

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def log(self, program: str) -> str:
        """Return a program's log ("ui", "api", "nginx", "supervisord")."""
        path = self.state_dir / "logs" / f"{program}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def launch(self) -> Self:
        """Start without waiting."""
        if self.nginx:
            need_tool("nginx")
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self

    def start(self) -> Self:
        """Start, unless it was launched already, and wait until it says that it is ready.

        AssertionError with all logs when it does not. Launch several before you start each: they come up together.
        """
        if self.returncode is not None or self._process is None:
            self.launch()
        deadline = time.monotonic() + self._ready_within_s
        while "Stop it with" not in self.output:
            if self.returncode is not None or time.monotonic() > deadline:
                story = self.story()
                self.kill()
                raise AssertionError(f"the console did not come up:\n{story}")
            time.sleep(0.05)
        self._seen.update(family(self.pid))
        return self

    def stop(self, *, how: signal.Signals = signal.SIGTERM, timeout_s: float = 30.0) -> int:
        """Ask it to end, wait, assert that nothing is left, and return its exit code."""
        assert self._process is not None, "start the app first"
        if self._process.poll() is None:
            self._seen.update(family(self.pid))
            self._process.send_signal(how)
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            story = self.story()
            self.kill()
            raise AssertionError(f"the console did not stop within {timeout_s} s of {how.name}:\n{story}") from None
        left = self.left_behind()
        if left:
            names = describe(left)
            self.kill()
            raise AssertionError(f"these processes were left behind:\n{names}")
        return code

    def left_behind(self, *, within_s: float = 2.0) -> list[psutil.Process]:
        """Return the processes of this deployment that still live ``within_s`` seconds from now."""
        deadline = time.monotonic() + within_s
        while True:
            left = alive({*self._seen, *marked(str(self.state_dir))} - {psutil.Process()})
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.05)

    def kill(self) -> None:
        """End everything at once, whatever state it is in."""
        if self._process is not None:
            self._seen.update(family(self._process.pid))
        for process in alive({*self._seen, *marked(str(self.state_dir))} - {psutil.Process()}):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        if self._process is not None:
            self._process.wait(10)

    def story(self) -> str:
        """Return all it said: the terminal's lines and the end of every log."""
        parts = [f"$ {' '.join(self._command)}\n{self.output}"]
        parts += [f"---- {name}.log\n{self.log(name)[-4000:]}" for name in ("supervisord", "ui", "api", "nginx")]
        return "\n".join(parts)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(self.story() + "\n")
        try:
            if self._process is not None:
                self.stop()
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what it wrote. For an app that was only launched; leaving the ``with`` block does this too."""
        self.kill()
        self._output.unlink(missing_ok=True)
        if self._own_state:
            shutil.rmtree(self.state_dir, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCTOSTAR_", "STREAMLIT_"))}
        kept.pop("DATABASE_URL", None)
        return {
            **kept,
            "OCTOSTAR_BIND": f"127.0.0.1:{self.port}",
            "OCTOSTAR_UI_PORT": str(self.ui_port),
            "OCTOSTAR_API_PORT": str(self.api_port),
            "OCTOSTAR_STATE_DIR": str(self.state_dir),
            **self._env,
        }
