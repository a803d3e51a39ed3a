"""Questions to a cluster of which some part may not answer: a worker whose process is stopped, or whose GIL is held.

Dask's own calls wait for the slowest worker, for ever. Here each question has a time limit, and one silent worker
spoils no answer but its own. Whatever becomes of a line that breaks meanwhile, it is an OSError.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any


def answer(client: Any, *call: Any, **options: Any) -> Any:
    """Return what a coroutine of the client returns; ``callback_timeout`` is its time limit in seconds."""
    try:
        return client.sync(*call, **options)
    except OSError:
        raise
    except (Exception, asyncio.CancelledError) as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def ask_worker(
    client: Any, function: Callable[..., Any], *args: Any, address: str, timeout_s: float, nanny: bool = False
) -> dict[str, Any]:
    """Call a function on one worker, or in its nanny; the answer by address, nothing when it is gone or failed."""
    found: dict[str, Any] = answer(
        client,
        client._run,  # the public run() waits for ever; the coroutine behind it takes a time limit
        function,
        *args,
        workers=[address],
        nanny=nanny,
        on_error="ignore",
        callback_timeout=timeout_s,
    )
    return found


def ask_everybody(
    client: Any, function: Callable[..., Any], *args: Any, timeout_s: float
) -> tuple[dict[str, Any], frozenset[str]]:
    """Call a function on all workers; return the answers by address, and who gave none within ``timeout_s``."""

    async def ask(address: str) -> Any:
        return (await client._run(function, *args, workers=[address], on_error="ignore"))[address]

    async def ask_all() -> tuple[dict[str, Any], frozenset[str]]:
        return await _all_or_each(client, client._run(function, *args, on_error="ignore"), ask, timeout_s)

    asked: tuple[dict[str, Any], frozenset[str]] = answer(client, ask_all, callback_timeout=3 * timeout_s)
    return asked


def versions(client: Any, packages: list[str], *, timeout_s: float) -> dict[str, Any]:
    """Return what ``Client.get_versions`` does, of those that answer. No code travels for it."""
    from distributed.versions import get_versions

    message = {"op": "versions", "packages": packages}

    async def ask(address: str) -> Any:
        return (await client.scheduler.broadcast(msg=message, workers=[address], on_error="ignore"))[address]

    async def ask_all() -> dict[str, Any]:
        scheduler = await client.scheduler.versions(packages=packages)
        everybody = client.scheduler.broadcast(msg=message, on_error="ignore")
        workers, _ = await _all_or_each(client, everybody, ask, timeout_s)
        return {"scheduler": scheduler, "workers": workers, "client": get_versions(packages=packages)}

    found: dict[str, Any] = answer(client, ask_all, callback_timeout=3 * timeout_s)
    return found


async def _all_or_each(
    client: Any, everybody: Awaitable[dict[str, Any]], ask: Callable[[str], Awaitable[Any]], timeout_s: float
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the answers, and who gave none: one message does for all when all answer, else each is asked alone."""
    try:
        return await asyncio.wait_for(everybody, timeout_s), frozenset()
    except TimeoutError:
        addresses = await _addresses(client)
        found = await _each(addresses, ask, timeout_s)
        return found, addresses - found.keys()


async def _addresses(client: Any) -> frozenset[str]:
    return frozenset((await client.scheduler.identity(n_workers=-1))["workers"])


async def _each(addresses: Iterable[str], ask: Callable[[str], Awaitable[Any]], timeout_s: float) -> dict[str, Any]:
    """Ask all at the same time; whoever fails, or is silent for too long, is left out."""
    found: dict[str, Any] = {}

    async def one(address: str) -> None:
        try:
            found[address] = await asyncio.wait_for(ask(address), timeout_s)
        except Exception:  # noqa: BLE001 - it is gone, or does not answer: then others may
            return

    await asyncio.gather(*map(one, addresses))
    return found
