"""A line to a server that can be cut for a while: a TCP relay on 127.0.0.1."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator


class Line:
    """Relays to ``address`` (``scheme://host:port``); ``cut`` breaks what is open and refuses what comes."""

    def __init__(self, address: str) -> None:
        self._scheme, _, rest = address.partition("://")
        host, _, port = rest.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._open: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._cut = self._ended = False
        self._thread = threading.Thread(target=self._serve, name="line", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where to connect instead."""
        return f"{self._scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection, and every one that comes."""
        self._cut = True

    def mend(self) -> None:
        """Relay again."""
        self._cut = False

    def end(self) -> None:
        """Relay no more."""
        self._ended = True
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            while not self._ended:
                for key, _ in ready.select(0.05):
                    if key.fileobj is self._listener:
                        self._accept(ready)
                    else:
                        assert isinstance(key.fileobj, socket.socket)
                        self._pass_on(ready, key.fileobj)
                if self._cut:
                    for one in list(self._open):
                        self._close(ready, one)
            for one in list(self._open):
                self._close(ready, one)

    def _accept(self, ready: selectors.BaseSelector) -> None:
        with contextlib.suppress(OSError):
            near, _ = self._listener.accept()
            if self._cut:
                near.close()
                return
            far = socket.create_connection(self._target, timeout=2)
            for one, other in ((near, far), (far, near)):
                one.settimeout(5)
                self._open[one] = other
                ready.register(one, selectors.EVENT_READ)

    def _pass_on(self, ready: selectors.BaseSelector, one: socket.socket) -> None:
        other = self._open.get(one)
        if other is None:
            return
        try:
            data = one.recv(1 << 16)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        self._close(ready, one)

    def _close(self, ready: selectors.BaseSelector, one: socket.socket) -> None:
        other = self._open.pop(one, None)
        for end in (one, other):
            if end is not None:
                self._open.pop(end, None)
                with contextlib.suppress(KeyError, ValueError):
                    ready.unregister(end)
                end.close()


@contextlib.contextmanager
def cuttable(address: str) -> Iterator[Line]:
    """A line to ``address``."""
    line = Line(address)
    try:
        yield line
    finally:
        line.end()
