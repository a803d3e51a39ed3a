"""`octostar-runtime desktop --app URL`."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction

from octostar_runtime.desktop.server import DesktopServer
from octostar_runtime.errors import InvalidInput

PORT = 8765


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command."""
    text = "Serve a local stand-in for the Octostar desktop, to try an app in. Ctrl-C ends it."
    command = commands.add_parser("desktop", help="try an app in a local desktop", description=text)
    command.add_argument("--app", required=True, metavar="URL", help="address of the app, e.g. http://127.0.0.1:8501")
    command.add_argument("--port", type=int, default=PORT, help=f"port of the desktop (default: {PORT}; 0: any)")
    command.set_defaults(run=serve)


def serve(arguments: Namespace) -> None:
    """Serve until interrupted."""
    try:
        server = DesktopServer(arguments.app, port=arguments.port)
    except OSError as error:
        raise InvalidInput(
            f"port {arguments.port} cannot be used ({error.strerror}); choose another: --port 0"
        ) from None
    with server:
        sys.stdout.write(f"The local desktop with {arguments.app}: {server.url}\n")
        sys.stdout.flush()
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return
