"""What must hold before anything is started. Each check raises CannotStart with one line that names the fix."""

import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path

import psutil

from octostar_runtime.deploy.layout import Layout
from octostar_runtime.errors import CannotStart

#: What supervisord's configuration gives a meaning of its own, in one place or another, and cannot quote.
UNQUOTABLE = '%;"\n'
#: The path of a unix socket may have 107 bytes, and supervisord appends its pid while it makes the socket.
MAX_SOCKET_PATH = 96


def prepare_state_dir(layout: Layout) -> None:
    """Make the directories, private to this user, and prove that they can be written."""
    state_dir = layout.state_dir
    # A root nginx hands its work to another account, which must be able to walk through to its own folder.
    passable = 0o711 if os.geteuid() == 0 else 0o700
    try:
        for folder, mode in (
            (state_dir, passable),
            (layout.nginx_dir, passable),
            (layout.logs, 0o700),
            (layout.programs, 0o700),
            (layout.locations, 0o700),
        ):
            folder.mkdir(parents=True, exist_ok=True, mode=mode)
        with tempfile.TemporaryFile(dir=state_dir):
            pass
    except OSError as error:
        fix = "give this user write permission there or set OCTOSTAR_STATE_DIR to another directory"
        raise CannotStart(f"cannot write the state directory {state_dir} ({error.strerror}): {fix}") from None
    _check_characters("OCTOSTAR_STATE_DIR", state_dir)
    if len(os.fsencode(layout.supervisor_socket)) > MAX_SOCKET_PATH:
        raise CannotStart(
            f"the path of the state directory {state_dir} is too long for a socket: "
            f"set OCTOSTAR_STATE_DIR to one of at most {MAX_SOCKET_PATH - len('/supervisor.sock')} bytes"
        )


def check_app(layout: Layout) -> None:
    """The Streamlit app must be there."""
    if not layout.app.is_file():
        raise CannotStart(f"there is no Streamlit app at {layout.app}: name it with --app FILE")
    _check_characters("--app", layout.app)


def check_engines(layout: Layout) -> None:
    """What the pools' engines need must be installed."""
    remote = {name: pool for name, pool in layout.settings.pools.items() if pool.engine != "threads"}
    if not remote:
        return
    from octostar_runtime.tasks.engines.choice import check_installed  # a start without them need not wait for it

    for name, pool in remote.items():
        check_installed(name, pool)


def _check_characters(setting: str, path: Path) -> None:
    found = sorted(set(UNQUOTABLE) & set(str(path)))
    if found:
        raise CannotStart(f"{setting}: supervisord cannot take the {found[0]!r} in {str(path)!r}: use another path")


def check_ports(layout: Layout) -> None:
    """Every address must be free, ours to take, and different from the others."""
    ports: dict[int, str] = {}
    for setting, _host, port in layout.listeners():
        if port in ports:
            raise CannotStart(f"{setting} and {ports[port]} are both port {port}: give one of them another port")
        ports[port] = setting
    for setting, host, port in layout.listeners():
        _check_port(setting, host, port)


def find_nginx() -> str:
    """Return the path of nginx, which many systems keep out of a user's PATH."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise CannotStart(
            "nginx is not installed: run 'sudo apt-get install nginx', or start without it by './main.sh --no-nginx'"
        )
    return found


def _check_port(setting: str, host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            None if host == "*" else host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise CannotStart(f"{setting}: {host!r} is no address of this machine: use e.g. 127.0.0.1:{port}") from None
    except OSError as error:
        raise CannotStart(_port_trouble(setting, host, port, error)) from None


def _port_trouble(setting: str, host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{host}:{port} is taken{_taken_by(port)}: stop that, or set {setting} to a free port"
    if error.errno == errno.EACCES:
        return f"{host}:{port} needs root: set {setting} to a port above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{setting}: {host} is no address of this machine: use 127.0.0.1:{port} or 0.0.0.0:{port}"
    return f"cannot listen on {host}:{port} ({error.strerror}): set {setting} to another address"


def _taken_by(port: int) -> str:
    """Name the process on ``port`` when we may see it."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            here = connection.laddr and connection.laddr.port == port
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def worker_account(directory: Path) -> str | None:
    """Return the account that nginx's workers run as; None when that is simply us.

    A root nginx gives its workers to an account without rights. They keep request bodies in the state directory,
    so when that lies where only root may go (/root, say) they must stay root.
    """
    if os.geteuid() != 0:
        return None
    if not all(parent.stat().st_mode & 0o001 for parent in directory.parents):
        return "root"
    return next((name for name in ("www-data", "nginx", "nobody") if _account_exists(name)), "root")


def _account_exists(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
