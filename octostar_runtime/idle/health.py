"""Health probes over the network: an HTTP address that must answer 2xx, or a port that must take a connection."""

import http.client
import socket
from urllib.parse import urlsplit

TIMEOUT_S = 2.0


def check(address: str, *, timeout_s: float = TIMEOUT_S) -> str | None:
    """Return None when ``address`` (http://…, https://… or tcp://host:port) is healthy, else what is wrong."""
    parts = urlsplit(address)
    try:
        if parts.scheme == "tcp":
            socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout_s).close()
            return None
        return _http(parts.scheme, parts.hostname or "127.0.0.1", parts.port, parts.path or "/", timeout_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{address} does not answer: {error}"


def port_is_open(address: str, *, timeout_s: float = 0.5) -> bool:
    """Whether somebody listens where ``address`` points."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", port), timeout_s).close()
    except OSError:
        return False
    return True


def _http(scheme: str, host: str, port: int | None, path: str, timeout_s: float) -> str | None:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"X-No-Track-Activity": "1", "Connection": "close"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"{scheme}://{host}:{port}{path} answers {status}"
