"""Knocking at a scheduler's door: whether one answers, and in words why not.

Dask's client waits for ever for a peer that takes a connection and says nothing, as a stopped scheduler does, or a
server that is none. So we shake hands first, within a time limit.
"""

import asyncio
import socket
from importlib import import_module
from typing import Any


class NoAnswer(OSError):
    """Nobody there can be spoken to; the text says why, and what to look at."""


def knock(loop: Any, address: str, security: Any, *, timeout_s: float) -> None:
    """Shake hands with the scheduler at ``address`` and hang up; NoAnswer says why that is not possible."""
    from distributed.utils import sync

    host, _, port = address.partition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_s).close()  # Dask would try for seconds
        sync(loop, _shake_hands, address, security, timeout_s)
    except Exception as error:
        raise NoAnswer(in_words(address, error)) from error


async def _shake_hands(address: str, security: Any, timeout_s: float) -> None:
    connect: Any = import_module("distributed.comm").connect
    options = security.get_connection_args("client") if security is not None else {}
    comm = await asyncio.wait_for(connect(address, timeout=timeout_s, **options), timeout_s)
    comm.abort()


def in_words(address: str, error: BaseException) -> str:
    """Return what most likely is wrong, and what was said."""
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"{_guess(address.startswith('tls://'), error, said.lower())} ({said[:300]})"


def _guess(tls: bool, error: BaseException, said: str) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no machine of that name"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError) or "timed out" in said:
        return "what listens there does not answer as a scheduler does; is it its port, and not that of its dashboard?"
    if tls and ("certificate" in said or "ssl" in said or "closed" in said):
        return (
            "what listens there speaks no TLS, or the certificates do not fit: tls_ca must be the authority that has "
            "signed the scheduler's, and the scheduler's own must have signed tls_cert"
        )
    if not tls and ("reset" in said or "closed" in said):
        return "what listens there hung up; if it is a scheduler that asks for TLS, write tls:// and name certificates"
    return "it cannot be spoken to"
