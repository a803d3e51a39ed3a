"""Learn of a shutdown at the signal, not after it: an open stream would otherwise hold the server for ever.

The server ends open connections before the lifespan's exit runs, so the exit comes too late to end a stream.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """An event for the loop that serves; set by a signal or by :meth:`now`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None
        self._before: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether the server is about to stop."""
        return self._event is not None and self._event.is_set()

    def begin(self) -> None:
        """Listen, on the running loop; handlers that were there before are still called."""
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            before = signal.getsignal(number)
            self._before[number] = before
            signal.signal(number, self._handler(before))

    def end(self) -> None:
        """Stop listening and give the signals back."""
        self.now()
        if threading.current_thread() is threading.main_thread():
            for number, before in self._before.items():
                if before is not None:
                    signal.signal(number, before)
        self._before.clear()

    def now(self) -> None:
        """Ask every stream to end; from any thread."""
        if self._loop is None or self._event is None:
            return
        with suppress(RuntimeError):  # the loop is closed: nothing streams any more
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Return when the server is about to stop."""
        if self._event is not None:
            await self._event.wait()

    def _handler(self, before: Any) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            self.now()
            if callable(before):
                before(number, frame)
            elif before == signal.SIG_DFL:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)

        return handle
