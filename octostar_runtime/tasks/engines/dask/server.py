"""A scheduler or a worker of a cluster of our own: ``python -m octostar_runtime.tasks.engines.dask.server``.

What it is to be comes as one line of JSON on standard input (certificates belong neither on a command line nor in a
file); the address it listens on goes out as one line of JSON. It ends when its standard input does, and so never
outlives the process that started it, however that one ends.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
from typing import Any

#: Seconds a worker has to end what it executes, once it has lost its scheduler or was told to stop.
GRACE_S = 3.0
HOST = "127.0.0.1"


def main() -> None:
    """Serve until told to stop."""
    plan = json.loads(sys.stdin.readline())
    answer, sys.stdout = sys.stdout, sys.stderr  # what tasks print belongs into the log
    from octostar_runtime.tasks.engines.dask.configure import configure

    configure()
    serve = _scheduler if plan["role"] == "scheduler" else _worker
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until_told(serve, plan, answer))
    os._exit(0)  # a task that does not end must not keep the process


async def _until_told(serve: Any, plan: dict[str, Any], answer: Any) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch() -> None:
        sys.stdin.read()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(told.set)
        threading.Event().wait(GRACE_S)
        os._exit(0)

    threading.Thread(target=watch, name="octostar-parent", daemon=True).start()
    await serve(plan, answer, told)


def _say(answer: Any, **what: Any) -> None:
    answer.write(json.dumps(what) + "\n")
    answer.flush()


async def _scheduler(plan: dict[str, Any], answer: Any, told: asyncio.Event) -> None:
    from distributed import Scheduler

    from octostar_runtime.tasks.engines.dask.security import security_of

    # of a client that is gone it would tell for each message that it cannot send, with a traceback
    logging.getLogger("distributed.scheduler").addFilter(lambda record: "Closed comm" not in str(record.msg))
    scheduler = await Scheduler(
        host=HOST,
        port=plan["port"],
        protocol=plan["protocol"],
        security=security_of(plan["security"]),
        dashboard=plan["dashboard"],
        dashboard_address=f"{HOST}:{plan['dashboard_port']}",
    )
    port = scheduler.http_server.port if scheduler.http_server else 0
    _say(answer, address=scheduler.address, dashboard_port=port)
    await told.wait()
    await asyncio.wait_for(scheduler.close(), GRACE_S)


async def _worker(plan: dict[str, Any], answer: Any, told: asyncio.Event) -> None:
    from distributed import Worker

    from octostar_runtime.tasks.engines.dask.security import security_of

    worker = await Worker(
        plan["scheduler"],
        host=HOST,
        name=plan["name"],
        nthreads=plan["threads"],
        memory_limit=plan["memory_bytes"] or 0,
        resources=plan["resources"],
        local_directory=plan["directory"],
        security=security_of(plan["security"]),
        dashboard=False,
        dashboard_address=f"{HOST}:0",
    )
    _say(answer, address=worker.address)
    gone = asyncio.ensure_future(_lost_its_scheduler(worker))
    asked = asyncio.ensure_future(told.wait())
    await asyncio.wait({gone, asked}, return_when=asyncio.FIRST_COMPLETED)
    with contextlib.suppress(Exception):
        await asyncio.wait_for(worker.close(timeout=GRACE_S, executor_wait=False), GRACE_S)


async def _lost_its_scheduler(worker: Any) -> None:
    """Return when the worker no longer runs: Dask would let its tasks go on for half a minute."""
    while worker.status.name in ("running", "paused", "init", "undefined"):
        await asyncio.sleep(0.2)
    await asyncio.sleep(GRACE_S / 3)  # tasks see the status themselves


if __name__ == "__main__":
    main()
