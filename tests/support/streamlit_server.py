"""A real ``streamlit run`` in a child process, for tests and benchmarks.

    with StreamlitServer("app.py", env={"OCTOSTAR_SESSION_END_AFTER_S": "3"}) as server:
        client = StreamlitClient(server.url)

The child binds 127.0.0.1 on a free port, is waited for until it answers, and is ended (SIGTERM, then SIGKILL)
together with its whole process group when the block is left.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


class StreamlitServer:
    """One Streamlit server process. ``options`` are Streamlit's own, e.g. ``{"server.websocketPingInterval": 1}``.

    ``cwd`` is where the child starts (the project's folder unless given): a ``.streamlit/config.toml`` there applies.
    """

    def __init__(
        self,
        script: str | Path,
        *,
        env: Mapping[str, str] | None = None,
        options: Mapping[str, object] | None = None,
        args: Sequence[str] = (),
        cwd: str | Path | None = None,
        port: int | None = None,
        ready_within_s: float = 40.0,
    ) -> None:
        self.script = Path(script)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = dict(env or {})
        self._options = dict(options or {})
        self._args = list(args)
        self._cwd = Path(cwd) if cwd is not None else ROOT
        self._ready_within_s = ready_within_s
        self._log: Path | None = None
        self._said = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process is not None, "start the server first"
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything the child has written so far; still there once it has ended."""
        return self._log.read_text(errors="replace") if self._log is not None else self._said

    @property
    def returncode(self) -> int | None:
        """The child's exit status, None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> Self:
        """Start the child and wait until it accepts sessions; AssertionError with its log when it does not."""
        handle, name = tempfile.mkstemp(prefix="streamlit-", suffix=".log")
        self._log = Path(name)
        try:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._cwd,
                env=self._environment(),
                stdout=handle,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(handle)
        deadline = time.monotonic() + self._ready_within_s
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self.script} did not come up; it said:\n{self.log}")
            time.sleep(0.05)
        return self

    def healthy(self) -> bool:
        """Whether the server says it takes sessions."""
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, *, timeout_s: float = 15.0) -> int:
        """Ask the child to end (SIGTERM) and return its exit status; it is killed after ``timeout_s``."""
        assert self._process is not None, "start the server first"
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._keep_log()
        return self._process.wait()

    def kill(self) -> None:
        """End the child and whatever it started, at once."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._keep_log()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is not None:
            sys.stderr.write(f"---- log of {self.script} ----\n{self.log}\n")

    def _keep_log(self) -> None:
        if self._log is not None:
            self._said = self.log
            self._log.unlink(missing_ok=True)
            self._log = None

    def _command(self) -> list[str]:
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
            **self._options,
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        return [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(self.script),
            *flags,
            *(["--", *self._args] if self._args else []),
        ]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCTOSTAR_", "STREAMLIT_"))}
        kept.pop("DATABASE_URL", None)
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", **self._env}
