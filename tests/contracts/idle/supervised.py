"""A real supervisord with one real program: a server with a child of its own, as stubborn as the test wants it."""

import subprocess
import sys
import textwrap
from pathlib import Path

from octostar_runtime.idle.supervisor import SupervisorClient, SupervisorUnavailable
from octostar_runtime.testing import wait_until
from tests.support.ports import free_port

PROGRAM = """
import http.server, os, signal, subprocess, sys
port, stubborn = int(sys.argv[1]), sys.argv[2] == "stubborn"
if stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # a grandchild in a session of its own, out of reach of a signal to the group
    subprocess.Popen([sys.executable, "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"], start_new_session=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *args): pass
print("listening on", port, flush=True)
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


class Supervised:
    """supervisord in a directory; programs calm, stubborn, broken and chatty, none of them started by itself."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = {"calm": free_port(), "stubborn": free_port()}
        self.client = SupervisorClient(directory / "s.sock")
        (directory / "program.py").write_text(PROGRAM)
        (directory / "supervisord.conf").write_text(self._config())
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(directory / "supervisord.conf")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self.answers, timeout_s=20, what="supervisord")
        except AssertionError:
            self.close()
            raise

    def answers(self) -> bool:
        try:
            return bool(self.client.processes())
        except SupervisorUnavailable:
            return False

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}/"

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def _config(self) -> str:
        python, where = sys.executable, self.directory
        commands = {name: f"{python} {where}/program.py {port} {name}" for name, port in self.ports.items()}
        commands["broken"] = f"{python} -c 'raise SystemExit(3)'"
        talk = "import sys, time; print('to stdout'); print('to stderr', file=sys.stderr); time.sleep(1.5)"
        commands["chatty"] = f'{python} -c "{talk}"'
        head = f"""
            [supervisord]
            logfile={where}/supervisord.log
            pidfile={where}/supervisord.pid
            childlogdir={where}
            [unix_http_server]
            file={where}/s.sock
            chmod=0600
            [rpcinterface:supervisor]
            supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
        """
        return textwrap.dedent(head) + "".join(_program(name, command) for name, command in commands.items())


def _program(name: str, command: str) -> str:
    lines = ["autostart=false", "autorestart=false", "startsecs=1", "startretries=0", "stopwaitsecs=30"]
    lines += ["stopasgroup=true", "killasgroup=true", f"redirect_stderr={'false' if name == 'chatty' else 'true'}"]
    return "\n".join([f"[program:{name}]", f"command={command}", *lines, ""])
