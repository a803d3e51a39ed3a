"""A throwaway PostgreSQL: its own cluster in a temporary directory, on a free port of 127.0.0.1, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.support.ports import free_port
from tests.support.tools import need_tool

USER = "octostar"


class Postgres:
    """A running server. ``stop`` and ``start`` may be called in between, as an outage would."""

    def __init__(self, directory: Path, port: int, unprivileged: str | None) -> None:
        self.directory = directory
        self.port = port
        self._as = unprivileged
        self._databases = 0

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        self._run("createdb", "-h", str(self.directory), "-p", str(self.port), "-U", USER, name)
        return self.url(name)

    def initialise(self) -> None:
        self._run(
            "initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"
        )

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.directory} "
            "-c fsync=off -c full_page_writes=off -c synchronous_commit=on -c shared_buffers=64MB "
            "-c max_connections=60"
        )
        log = str(self.directory / "server.log")
        self._run("pg_ctl", "-D", str(self.data), "-l", log, "-w", "-t", "30", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "30", "stop")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let no process of the server run meanwhile: connections stay open and nobody answers."""
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        stopped = [postmaster, *postmaster.children(recursive=True)]
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(stopped):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def _run(self, tool: str, *arguments: str) -> None:
        command = [need_tool(tool), *arguments]
        if self._as is not None:
            command = [need_tool("setpriv"), f"--reuid={self._as}", f"--regid={self._as}", "--clear-groups", *command]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, cwd=self.directory,
            stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{tool} failed: {done.stderr or done.stdout}")


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a cluster, stop it and remove it; as an unprivileged user when the tests run as root."""
    need_tool("initdb")
    directory = Path(tempfile.mkdtemp(prefix="octostar-pg-", dir="/tmp"))
    unprivileged = _unprivileged_user(directory) if os.geteuid() == 0 else None
    server = Postgres(directory, free_port(), unprivileged)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        with contextlib.suppress(RuntimeError):
            server.stop()
        for _ in range(20):
            shutil.rmtree(directory, ignore_errors=True)
            if not directory.exists():
                break
            time.sleep(0.05)


def _unprivileged_user(directory: Path) -> str:
    """PostgreSQL refuses to run as root: hand the directory to somebody else."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            os.chown(directory, account.pw_uid, account.pw_gid)
            directory.chmod(0o700)
            return str(account.pw_uid)
    raise RuntimeError("no unprivileged user to run PostgreSQL as")
