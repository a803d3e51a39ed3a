"""Which process this is: the node's own record, made once at start."""

import os
import platform
import socket
from importlib.metadata import PackageNotFoundError, version

from octostar_runtime import __version__
from octostar_runtime.clock import Clock
from octostar_runtime.ids import new_id
from octostar_runtime.models.nodes import NodeRecord


def make_node(*, kind: str, name: str, clock: Clock) -> NodeRecord:
    """Return a record with a fresh id: a process that starts again is another node."""
    now = clock.time()
    return NodeRecord(
        node_id=new_id(),
        name=name,
        kind=kind,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        started_at=now,
        heartbeat_at=now,
        meta={"python": platform.python_version(), "streamlit": _version_of("streamlit")},
    )


def _version_of(package: str) -> str | None:
    """Return an installed package's version without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
