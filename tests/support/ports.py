"""A port for a server that a test starts."""

import os
import socket

#: The two processes that share the tests (see sharing.py) number themselves; apart from them there is one.
_PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago, and that no other process of these tests is given."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port // 2 % 2 == _PROCESS % 2:  # by pairs: for this the system hands out odd ones, as long as there are any
            return port
