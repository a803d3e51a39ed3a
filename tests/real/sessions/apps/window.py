"""The test apps' window: everything a registry knows and everything that happened, as JSON, and an operator's hands."""

import dataclasses
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from octostar_runtime.events import EventBus
from octostar_runtime.models.events import Event
from octostar_runtime.sessions import SessionRegistry


class Window:
    """Tells of one registry and acts on it."""

    def __init__(self, registry: SessionRegistry, bus: EventBus) -> None:
        self.registry = registry
        self.events: list[Event] = []
        bus.subscribe(self.events.append)

    def told(self) -> str:
        """Return everything."""
        return json.dumps(
            {
                "sessions": [dataclasses.asdict(record) for record in self.registry.sessions()],
                "events": [dataclasses.asdict(event) for event in list(self.events)],
                "callbacks": [dataclasses.asdict(record) for record in self.registry.callbacks()],
            }
        )

    def act(self, given: Mapping[str, str]) -> str:
        """Do what an operator does: ``{"do": "end", "session": ..., "text": ...}``."""
        session, reason = given.get("session", ""), given.get("reason", "")
        if given["do"] == "message":
            self.registry.send_message([session], given["text"], given.get("level", "info"), by="ada", reason=reason)
        elif given["do"] == "broadcast":
            self.registry.broadcast(given["text"], by="ada", lasting_s=float(given.get("lasting", "0")))
        elif given["do"] == "memory":
            return json.dumps(self.registry.memory_by_key(session))
        else:
            getattr(self.registry, given["do"])(session, by="ada", reason=reason)
        return "{}"

    def serve(self, port: int) -> None:
        """Serve /probe and /act on a thread, for a server that has no room for routes of its own."""
        window = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                body = window.told() if asked.path == "/probe" else window.act(dict(parse_qsl(asked.query)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """The server's log is about sessions."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, name="window", daemon=True).start()
