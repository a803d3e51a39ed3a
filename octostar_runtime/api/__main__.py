"""``python -m octostar_runtime.api``: the API as a server of its own (full mode), behind nginx."""

import logging
import signal
import sys

import uvicorn

from octostar_runtime.api.app import create_api
from octostar_runtime.api.http_protocol import ProblemProtocol
from octostar_runtime.runtime import Runtime
from octostar_runtime.settings import load_settings


def main() -> None:
    """Start the runtime and serve until a signal; the runtime stops after the last response."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = load_settings()
    runtime = Runtime(kind="api", settings=settings)
    runtime.start()
    # uvicorn raises the signal that ended it once more when it is done. By default that would kill the process before
    # the runtime has said goodbye to the fleet; as an exit it lets the block below run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvicorn.run(
            create_api(runtime),
            host="127.0.0.1",
            port=settings.api_port,
            http=ProblemProtocol,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
            h11_max_incomplete_event_size=65_536,
        )
    finally:
        runtime.stop()


if __name__ == "__main__":
    main()
