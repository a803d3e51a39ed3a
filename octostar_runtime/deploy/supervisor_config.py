"""Write supervisord.conf: which programs there are, in which order they stop, and how their logs are bounded.

supervisord starts by rising priority and stops by falling priority, one after the other: nginx first, so that
nobody is sent to a server that is going away; then the UI, whose sessions end and whose tasks are cancelled while
the store's other users still live; the API last, because it is what commands and the idle controller need.
"""

import math
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from octostar_runtime.deploy.layout import UI_UPLOAD_MB, Layout

#: A broken program fails within this time after its start and is tried again, then given up (FATAL). One that
#: ends later is started again without limit.
PROVEN_AFTER_S = 10
START_RETRIES = 3
PING_INTERVAL_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One supervised program. ``stop_timeout_s`` is the time between TERM and KILL, both to the whole group."""

    name: str
    command: Sequence[str]
    priority: int
    proven_after_s: int = PROVEN_AFTER_S
    stop_timeout_s: int = 10


def programs(layout: Layout, *, nginx: str | None) -> tuple[Program, ...]:
    """Return what this deployment consists of; without ``nginx`` that is the UI alone."""
    ui = Program(name="ui", command=streamlit_command(layout), priority=200)
    if nginx is None:
        return (ui,)
    api = Program(name="api", command=(sys.executable, "-m", "octostar_runtime.api"), priority=100)
    front = (nginx, "-e", "stderr", "-p", str(layout.nginx_dir), "-c", str(layout.nginx_conf), "-g", "daemon off;")
    return (api, ui, Program(name="nginx", command=front, priority=300, proven_after_s=1, stop_timeout_s=5))


def streamlit_command(layout: Layout) -> tuple[str, ...]:
    """Return the command that serves the app. Files are not watched: a deployment does not change under its users."""
    settings = layout.settings
    options = {
        "server.address": "127.0.0.1",
        "server.port": settings.ui_port,
        "server.baseUrlPath": settings.base_path,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": UI_UPLOAD_MB,
        "server.websocketPingInterval": PING_INTERVAL_S,
        "server.disconnectedSessionTTL": math.ceil(settings.session_end_after_s),
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items() if value != ""]
    return (sys.executable, "-m", "streamlit", "run", str(layout.app), *flags)


def render_supervisor(layout: Layout, *, nginx: str | None, open_files: int) -> str:
    """Return the text of supervisord.conf."""
    sections = [
        _section(
            "supervisord",
            {
                "nodaemon": "true",
                "silent": "true",  # the terminal belongs to the launcher's few lines
                "logfile": layout.logs / "supervisord.log",
                "logfile_maxbytes": "5MB",
                "logfile_backups": 2,
                "pidfile": layout.state_dir / "supervisord.pid",
                "childlogdir": layout.logs,
                "umask": "077",
                "minfds": open_files,
                "identifier": "octostar",
                **({"user": "root"} if os.geteuid() == 0 else {}),  # root knows; no need to warn of it
            },
        ),
        # No inet_http_server: whoever reaches it may run anything.
        _section("unix_http_server", {"file": layout.supervisor_socket, "chmod": "0600"}),
        _section("supervisorctl", {"serverurl": f"unix://{layout.supervisor_socket}"}),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        _section(
            "rpcinterface:octostar", {"supervisor.rpcinterface_factory": "octostar_runtime.deploy.essential:watch"}
        ),
        *(_program(layout, program) for program in programs(layout, nginx=nginx)),
        _section("include", {"files": f"{layout.programs.name}/*.conf"}),
    ]
    return "\n".join(sections)


def _program(layout: Layout, program: Program) -> str:
    return _section(
        f"program:{program.name}",
        {
            "command": shlex.join(program.command),
            "directory": Path.cwd(),  # where the launcher was started: the project
            "priority": program.priority,
            "autorestart": "true",
            "startsecs": program.proven_after_s,
            "startretries": START_RETRIES,
            "stopwaitsecs": program.stop_timeout_s,
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": layout.logs / f"{program.name}.log",
            "stdout_logfile_maxbytes": "5MB",
            "stdout_logfile_backups": 2,
            "environment": 'PYTHONUNBUFFERED="1"',
        },
    )


def _section(name: str, options: dict[str, object]) -> str:
    lines = (f"{key} = {value}" for key, value in options.items())
    return "\n".join([f"[{name}]", *lines, ""])
