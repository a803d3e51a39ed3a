"""From validated settings to a running console, or to one line that says what is in the way.

The launcher checks everything, writes the configuration of nginx and supervisord, and becomes supervisord: one
process less to leave behind, and signals arrive where they are handled.
"""

import argparse
import fcntl
import os
import resource
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from octostar_runtime.deploy import preconditions
from octostar_runtime.deploy.layout import Layout
from octostar_runtime.deploy.nginx_config import render_nginx
from octostar_runtime.deploy.supervisor_config import render_supervisor
from octostar_runtime.errors import CannotStart, OctostarRuntimeError
from octostar_runtime.settings import load_settings

CANNOT_START = 1
#: Each browser tab takes two of nginx's connections and one of the UI's.
OPEN_FILES = 4096


def main(argv: Sequence[str]) -> int:
    """Start the console. Returns only when it could not, or after ``--check``."""
    options = _options(argv)
    os.umask(0o077)  # the state directory holds secrets; everything started from here inherits this
    try:
        layout = _layout(options)
        lock = prepare(layout)
    except (OctostarRuntimeError, OSError) as error:
        sys.stderr.write(f"main.sh: {' '.join(str(error).split())}\n")
        return CANNOT_START
    if options.check:
        sys.stdout.write(f"It can start; the console would be at {layout.public_url}/\n")
        return 0
    _become_supervisord(layout, lock)
    return CANNOT_START


def _layout(options: argparse.Namespace) -> Layout:
    settings = load_settings()
    # The secret by which the inner servers know our nginx is a fresh one for each start.
    edge_secret = settings.edge_secret.get_secret_value() or secrets.token_urlsafe(32)
    app = Path(options.app).resolve()
    return Layout(settings=settings, app=app, with_nginx=not options.no_nginx, edge_secret=edge_secret)


def prepare(layout: Layout) -> int:
    """Check all preconditions and write the configuration; returns the descriptor that holds the lock."""
    nginx = preconditions.find_nginx() if layout.with_nginx else None
    preconditions.check_app(layout)
    preconditions.check_engines(layout)
    preconditions.prepare_state_dir(layout)
    lock = _lock(layout)
    preconditions.check_ports(layout)
    files = _open_files()
    if nginx:
        _write_nginx(layout, nginx, files)
    _write(layout.supervisor_conf, render_supervisor(layout, nginx=nginx, open_files=files))
    return lock


def _write_nginx(layout: Layout, nginx: str, files: int) -> None:
    account = preconditions.worker_account(layout.nginx_dir / "client_body")
    text = render_nginx(layout, account=account, connections=files)
    _write(layout.nginx_conf, text)
    test = [nginx, "-e", "stderr", "-q", "-t", "-p", str(layout.nginx_dir), "-c", str(layout.nginx_conf)]
    result = subprocess.run(test, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no reason given"]
        raise CannotStart(
            f"nginx refuses its configuration ({lines[0]}): mend that in {layout.locations} or the settings"
        )


def _become_supervisord(layout: Layout, lock: int) -> None:
    environment = _environment(layout)
    subprocess.Popen(_announce_command(layout), env=environment, stdin=subprocess.DEVNULL)
    os.set_inheritable(lock, True)
    command = [sys.executable, "-m", "octostar_runtime.deploy.supervise", str(layout.supervisor_conf)]
    os.execve(command[0], command, environment)


def _environment(layout: Layout) -> Mapping[str, str]:
    return {
        **os.environ,
        "OCTOSTAR_MODE": layout.mode,
        "OCTOSTAR_STATE_DIR": str(layout.state_dir),
        "OCTOSTAR_EDGE_SECRET": layout.edge_secret,
    }


def _announce_command(layout: Layout) -> list[str]:
    health = [f"{layout.ui_url}/_stcore/health"]
    if layout.with_nginx:
        health = [f"http://127.0.0.1:{layout.settings.api_port}/api/health", *health, f"{layout.public_url}/api/health"]
    command = [sys.executable, "-m", "octostar_runtime.deploy.announce"]
    return [*command, "--launcher", str(os.getpid()), "--url", layout.public_url, "--logs", str(layout.logs), *health]


def _lock(layout: Layout) -> int:
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            f"the console already runs with the state directory {layout.state_dir}: "
            "stop it first, or set OCTOSTAR_STATE_DIR to another directory"
        ) from None
    return descriptor


def _open_files() -> int:
    """Raise this process's limit of open files, which all others inherit, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _write(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="main.sh", description="Start the console.", allow_abbrev=False)
    parser.add_argument("--no-nginx", action="store_true", help="only Streamlit, with the API mounted at /api")
    parser.add_argument("--app", default="app.py", help="the Streamlit app to serve")
    parser.add_argument("--check", action="store_true", help="check everything and start nothing")
    return parser.parse_args(argv)
