"""`octostar-runtime desktop --app URL`: the local desktop on an address of its own, for any Streamlit app."""

import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from octostar_runtime.desktop.page import desktop_page
from octostar_runtime.errors import InvalidInput

logger = logging.getLogger(__name__)


class DesktopServer(ThreadingHTTPServer):
    """Serves the one page. ``port=0`` takes a free one; :attr:`url` tells which."""

    daemon_threads = True

    def __init__(self, app_url: str, *, port: int = 0) -> None:
        address = urlsplit(app_url)
        if address.scheme not in ("http", "https") or not address.netloc:
            raise InvalidInput(f"{app_url!r} is no address of an app; write it like http://127.0.0.1:8501")
        self.page = desktop_page(app_url, any_origin=True).encode()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Where the desktop is."""
        return f"http://127.0.0.1:{self.server_address[1]}/desktop"


class _Handler(BaseHTTPRequestHandler):
    server: DesktopServer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/":
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", "/desktop")
            self.end_headers()
        elif path == "/desktop":
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(self.server.page)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(self.server.page)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:
        logger.debug(format, *args)
