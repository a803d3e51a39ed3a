"""Wait until everything answers, then print the address, the sign-in link and where the API token lies.

A short-lived process of its own beside supervisord, so that what has to be imported for the link (the store) is not
in anybody's memory afterwards and does not delay the start. It ends when the launcher does.
"""

import argparse
import http.client
import os
import sys
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

PATIENCE_S = 60.0
PAUSE_S = 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Announce once; 1 when it did not get ready in time or the launcher went away."""
    options = _options(argv)
    try:
        if not wait_ready(options.probe, alive=lambda: os.getppid() == options.launcher):
            if os.getppid() == options.launcher:
                _say(f"octostar: not ready after {PATIENCE_S:.0f} s; it goes on trying. The logs are in {options.logs}")
            return 1
        _say(f"Octostar console is ready: {options.url}/")
        _say_sign_in(options.url)
        _say("Stop it with Ctrl-C.")
    except (KeyboardInterrupt, BrokenPipeError):
        return 1
    return 0


def wait_ready(urls: Sequence[str], *, alive: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Wait until every URL has answered 200 once; False when that took too long or ``alive()`` became false."""
    deadline = time.monotonic() + patience_s
    waiting = list(urls)
    while waiting and alive() and time.monotonic() < deadline:
        if _answers(waiting[0]):
            del waiting[0]
        else:
            time.sleep(PAUSE_S)
    return not waiting


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2.0)
    try:
        connection.request("GET", parts.path or "/", headers={"X-No-Track-Activity": "1"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _say_sign_in(url: str) -> None:
    from octostar_runtime.deploy.first_sign_in import first_sign_in
    from octostar_runtime.errors import OctostarRuntimeError
    from octostar_runtime.settings import load_settings

    try:
        ticket = first_sign_in(url, load_settings())
    except (OctostarRuntimeError, OSError) as error:
        _say(f"octostar: no sign-in link could be made: {error}")
        return
    _say(f"Sign in (this link works once): {ticket.link}")
    _say(f"API token for programs: {ticket.token_file}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m octostar_runtime.deploy.announce")
    parser.add_argument("--launcher", type=int, required=True, help="pid of the parent")
    parser.add_argument("--url", required=True, help="the address to open, without a trailing slash")
    parser.add_argument("--logs", required=True, help="where the logs are")
    parser.add_argument("probe", nargs="+", help="what must answer 200")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
