"""The web server's event loop as other threads may use it: hand work over, wait for it, and never break it."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class ServerLoop:
    """One running event loop. Whatever is handed to it is guarded: an exception is logged and goes no further."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def call(self, fn: Callable[..., object], *args: object) -> None:
        """Call ``fn(*args)`` on the loop soon; from any thread. Nothing happens once the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(_guarded, fn, args)
        except RuntimeError:
            logger.debug("the event loop is closed; %s is not needed any more", fn.__name__)

    def call_later(self, delay_s: float, fn: Callable[..., object], *args: object) -> None:
        """Call ``fn(*args)`` on the loop in ``delay_s`` seconds; from the loop."""
        self._loop.call_later(delay_s, _guarded, fn, args)

    def call_and_wait(self, fn: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Call ``fn()`` on the loop and return when it is done, or after ``timeout_s``; at once on the loop itself."""
        if self._is_here():
            _guarded(fn, ())
            return
        done = threading.Event()

        def run() -> None:
            try:
                fn()
            finally:
                done.set()

        self.call(run)
        done.wait(timeout_s)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run a coroutine on the loop, keeping it alive until it ends; from the loop."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_here(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False


@contextmanager
def guard(what: str) -> Iterator[None]:
    """A mistake of ours must never cost a user the connection."""
    try:
        yield
    except Exception:
        logger.exception("%s failed; Streamlit goes on", what)


def _guarded(fn: Callable[..., object], args: tuple[object, ...]) -> None:
    with guard(getattr(fn, "__name__", "a call")):
        fn(*args)
