"""Many raw Streamlit tabs on one asyncio loop: connect, ask for a run, stay, leave politely or not.

For churn: hundreds of sessions would be too many threads for the blocking client.
"""

import asyncio
import contextlib
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.streamlit_page import StreamlitPage


@dataclass
class Tally:
    """What the swarm did, to be compared with what the server saw."""

    sessions: set[str] = field(default_factory=set)  # ids of sessions that were made
    resumed: int = 0
    left: int = 0
    failures: list[str] = field(default_factory=list)


class Tab:
    """One tab of the swarm."""

    def __init__(self, url: str) -> None:
        self.page = StreamlitPage()
        self._address = url.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self, *, resume: bool = False) -> None:
        """Connect (or come back) and wait for the end of a run."""
        protocols = [Subprotocol("streamlit"), Subprotocol("no-xsrf-token")]
        if resume and self.page.session_id:
            protocols.append(Subprotocol(self.page.session_id))
        self._socket = await connect(
            self._address, subprotocols=protocols, max_size=None, ping_interval=None, compression=None, open_timeout=30
        ).__aenter__()
        runs = self.page.runs_finished
        self._reader = asyncio.create_task(self._read(self._socket))
        await self._socket.send(self.page.rerun_message())
        deadline = time.monotonic() + 30
        while self.page.runs_finished == runs:
            if time.monotonic() > deadline:
                raise TimeoutError("no run finished within 30 s")
            await asyncio.sleep(0.01)

    async def leave(self, *, politely: bool = True) -> None:
        """Close the websocket, or drop the TCP connection."""
        if self._socket is not None:
            if politely:
                await self._socket.close()
            else:
                self._socket.transport.abort()
        if self._reader is not None:
            await self._reader

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                if isinstance(frame, bytes):
                    self.page.feed(frame)


async def churn(url: str, *, tabs: int, seconds: float, seed: int = 7) -> Tally:
    """Let ``tabs`` places be taken and left at random for ``seconds``; everybody has left at the end."""
    tally = Tally()
    dice = random.Random(seed)
    until = time.monotonic() + seconds

    async def place(number: int) -> None:
        own = random.Random(dice.random() + number)
        await asyncio.sleep(own.uniform(0, seconds / 4))
        while time.monotonic() < until:
            try:
                await _visit(url, own, until, tally)
            except Exception as error:  # noqa: BLE001 - counted, the churn goes on
                tally.failures.append(f"{type(error).__name__}: {error}")

    await asyncio.gather(*(place(number) for number in range(tabs)))
    return tally


async def _visit(url: str, dice: random.Random, until: float, tally: Tally) -> None:
    tab = Tab(url)
    await tab.open()
    tally.sessions.add(tab.page.session_id)
    await asyncio.sleep(min(dice.uniform(0.5, 12), max(0.0, until - time.monotonic())))
    await tab.leave(politely=dice.random() < 0.7)
    tally.left += 1
    if dice.random() < 0.3 and time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0.02, 0.3))
        before = tab.page.session_id
        await tab.open(resume=True)
        if tab.page.session_id == before:
            tally.resumed += 1
        else:
            tally.sessions.add(tab.page.session_id)
        await tab.leave(politely=True)
        tally.left += 1


def run_churn(url: str, *, tabs: int, seconds: float) -> Tally:
    """:func:`churn` from synchronous code, on a thread: playwright keeps a loop on the main one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, churn(url, tabs=tabs, seconds=seconds)).result()
