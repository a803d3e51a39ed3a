"""A tiny HTTP server that stands where the UI or the API would, and remembers what reached it.

    with StubServer() as api:
        api.answer("/api/health", lambda call: Answer(200, b"ok"))
        ...
        assert api.calls[0].headers["host"] == "example.org:8080"

It can be stopped and started again on the same port, as an idle UI is.
"""

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.support.ports import free_port


@dataclass(frozen=True)
class Call:
    """One request as it arrived. ``target`` is raw, header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to send. An iterable body is sent piece by piece, each at once; ``hang_up`` closes without an answer."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


class StubServer:
    """Listens on 127.0.0.1. Paths without an answer of their own get 200 and the stub's name."""

    def __init__(self, name: str = "stub", *, port: int | None = None) -> None:
        self.name = name
        self.port = port or free_port()
        self.calls: list[Call] = []
        self.starts = 0
        self._answers: dict[str, Callable[[Call], Answer]] = {}
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def answer(self, path: str, how: Callable[[Call], Answer]) -> None:
        """Answer requests whose path (without query) is ``path`` by ``how(call)``."""
        self._answers[path] = how

    def respond(self, call: Call) -> Answer:
        """Record the call and return its answer."""
        self.calls.append(call)
        how = self._answers.get(call.target.partition("?")[0])
        return how(call) if how else Answer(200, self.name.encode())

    def start(self) -> Self:
        stub = self

        class Handler(_Handler):
            @property
            def stub(self) -> StubServer:
                return stub

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that went away is no news."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name=f"stub-{self.name}")
        self._thread.start()
        self.starts += 1
        return self

    def stop(self) -> None:
        """Stop listening; afterwards connections are refused."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    @property
    def stub(self) -> StubServer:
        raise NotImplementedError

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        call = Call(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self._send(self.stub.respond(call))
        self.close_connection = True

    def _send(self, answer: Answer) -> None:
        if answer.hang_up:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in [answer.body] if isinstance(answer.body, bytes) else answer.body:
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
