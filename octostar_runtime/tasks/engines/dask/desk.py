"""A worker's desk: what of ours it executes now, what was asked to stop, and the ends it keeps for whoever asks.

Lives in the worker's process, one per worker. Functions that take ``dask_worker`` are called there by ``Client.run``,
on the worker's event loop, and must be quick; ``execute`` is the task itself, in one of the worker's threads.
"""

import asyncio
import contextlib
import os
import pickle
import signal
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octostar_runtime.tasks.engines.dask.order import INLINE_BYTES, Order, Told
from octostar_runtime.tasks.engines.remote.execution import Execution
from octostar_runtime.tasks.engines.remote.messages import Assignment, Ending, News
from octostar_runtime.tasks.hard_stop import Claim, HardStop

#: Ends that a worker remembers, so that whoever lost sight of a run can still learn how it ended.
KEPT_ENDS = 1_000
_KEPT_SMALL_BYTES = 64 * 2**20
_FLAGS = 1_000
_WATCH_S = 0.25
_FLUSH_S = 1.0
_ALIVE = ("running", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an attempt ended. A result that stayed here has ``kept_bytes``, and its ending no data."""

    key: str
    ending: Ending
    kept_bytes: int = 0

    def packed(self) -> bytes:
        """Return it as bytes."""
        return pickle.dumps(self, protocol=5)

    @staticmethod
    def read(packed: bytes) -> "End":
        """Return what ``packed`` was made of."""
        found: End = pickle.loads(packed)
        return found


class Desk:
    """See the module."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._lock = threading.Lock()
        self._running: dict[str, tuple[Execution, Claim]] = {}
        self._asked: OrderedDict[str, str] = OrderedDict()
        self._ends: OrderedDict[str, bytes] = OrderedDict()
        self._ends_bytes = 0
        self._files: OrderedDict[str, tuple[Path, int]] = OrderedDict()
        worker.loop.add_callback(self._watch)

    @staticmethod
    def of(worker: Any) -> "Desk":
        """Return the desk of a worker, made at the first need."""
        with _making:
            desk = getattr(worker, "octostar_desk", None)
            if desk is None:
                desk = worker.octostar_desk = Desk(worker)
            found: Desk = desk
            return found

    # The task

    def execute(self, order: Order) -> None:
        """Execute an order and tell how it ended. The value for Dask is None: a result would be computed again if the
        worker that holds it died."""
        claim = Claim()
        claim.thread_id = threading.get_ident()
        execution = Execution(
            Assignment.read(order.assignment),
            lambda news: self._tell(order, "news", pickle.dumps(news.wire(), protocol=5)),
            cpu_clock=time.thread_time,
        )
        with self._lock:
            reason = self._asked.get(order.key)
            self._running[order.key] = (execution, claim)
        try:
            self._tell_surely(order)
            if reason is not None:
                execution.cancel(reason)
            ending = _performed(execution, claim)
        finally:
            with self._lock:
                del self._running[order.key]
                self._asked.pop(order.key, None)
        end = self._kept(order, ending)
        packed = end.packed()
        self._remember(order.key, packed)
        self._tell(order, "ended", packed)

    def _tell(self, order: Order, kind: str, body: bytes = b"") -> None:
        worker = self._worker
        told = Told(key=order.key, kind=kind, worker=str(worker.name), address=worker.address, body=body)
        worker.log_event(order.topic, told.wire())

    def _tell_surely(self, order: Order) -> None:
        """Tell that it begins, and go on once that is on its way: whoever hears of a dead worker and has not heard
        this may send the order again, because nothing of it was executed."""
        worker, sent = self._worker, threading.Event()

        async def flush() -> None:
            self._tell(order, "started")
            stream = worker.batched_stream
            until = time.monotonic() + _FLUSH_S
            while stream is not None and stream.buffer and time.monotonic() < until:
                await asyncio.sleep(0)
            await asyncio.sleep(0)  # taken out of the buffer, and written with the next turn
            sent.set()

        worker.loop.add_callback(flush)
        sent.wait(2 * _FLUSH_S)

    def _kept(self, order: Order, ending: Ending) -> End:
        """Put a large result into a file of the worker; what it keeps is bounded, the oldest goes first."""
        data = ending.data
        if data is None or len(data) <= INLINE_BYTES:
            return End(key=order.key, ending=ending)
        directory = Path(self._worker.local_directory) / "octostar-results"
        directory.mkdir(exist_ok=True)
        path = directory / order.key.replace("/", "-")
        path.write_bytes(data)
        with self._lock:
            self._files[order.key] = (path, len(data))
            old = []
            while len(self._files) > 1 and sum(size for _, size in self._files.values()) > order.kept_bytes:
                old.append(self._files.popitem(last=False)[1][0])
        for file in old:
            file.unlink(missing_ok=True)
        bare = Ending(
            state=ending.state, cpu_s=ending.cpu_s, memory_bytes=ending.memory_bytes, retriable=ending.retriable
        )
        return End(key=order.key, ending=bare, kept_bytes=len(data))

    def _remember(self, key: str, packed: bytes) -> None:
        with self._lock:
            self._ends[key] = packed
            self._ends_bytes += len(packed)
            while len(self._ends) > KEPT_ENDS or (self._ends_bytes > _KEPT_SMALL_BYTES and len(self._ends) > 1):
                self._ends_bytes -= len(self._ends.popitem(last=False)[1])

    # What others ask

    def ask_to_stop(self, key: str, reason: str, *, hard: bool) -> str:
        """Let an order stop, also one that comes later; return "running", "ended", or "" when it has not begun here."""
        with self._lock:
            found = self._running.get(key)
            if found is None and key in self._ends:
                return "ended"
            if found is None:
                self._asked[key] = reason
                if len(self._asked) > _FLAGS:
                    self._asked.popitem(last=False)
                return ""
        execution, claim = found
        execution.cancel(reason)
        if hard:
            claim.stop()
        return "running"

    def look(self, key: str) -> tuple[str, bytes]:
        """Return "running" with the worker's name, "ended" with the packed end, or ""."""
        with self._lock:
            if key in self._running:
                return "running", str(self._worker.name).encode()
            packed = self._ends.get(key)
            return ("ended", packed) if packed is not None else ("", b"")

    def stack(self, key: str) -> str:
        """Return the live stack of an order, "" when it does not execute here."""
        with self._lock:
            found = self._running.get(key)
        return found[0].stack() if found is not None else ""

    def result(self, key: str) -> bytes | None:
        """Return a large result that was kept, None when it is not (or no longer)."""
        with self._lock:
            found = self._files.get(key)
        if found is None:
            return None
        try:
            return found[0].read_bytes()
        except OSError:
            return None

    def drop(self, key: str) -> None:
        """Give up a large result: it has been fetched, or its run was forgotten."""
        with self._lock:
            found = self._files.pop(key, None)
        if found is not None:
            found[0].unlink(missing_ok=True)

    async def _watch(self) -> None:
        """Let everything stop when the worker does: Dask itself would let tasks run on for half a minute."""
        while self._worker.status.name in _ALIVE:
            await asyncio.sleep(_WATCH_S)
        with self._lock:
            running = [execution for execution, _ in self._running.values()]
        for execution in running:
            execution.cancel("its worker is stopping")


_making = threading.Lock()


def _performed(execution: Execution, claim: Claim) -> Ending:
    claim.token.append(True)
    try:
        ending = execution.perform()
        claim.leave()
    except HardStop:
        return Ending(state="cancelled")
    return ending


# What Dask calls by name


def execute(packed: bytes) -> None:
    """The task."""
    from distributed import get_worker

    Desk.of(get_worker()).execute(Order.read(packed))


def ask_to_stop(key: str, reason: str, hard: bool, dask_worker: Any = None) -> str:
    """See :meth:`Desk.ask_to_stop`."""
    return Desk.of(dask_worker).ask_to_stop(key, reason, hard=hard)


def look(keys: list[str], dask_worker: Any = None) -> dict[str, tuple[str, bytes]]:
    """See :meth:`Desk.look`; only what is known here."""
    desk = Desk.of(dask_worker)
    found = {key: desk.look(key) for key in keys}
    return {key: seen for key, seen in found.items() if seen[0]}


def stack(key: str, dask_worker: Any = None) -> str:
    """See :meth:`Desk.stack`."""
    return Desk.of(dask_worker).stack(key)


def result(key: str, dask_worker: Any = None) -> bytes | None:
    """See :meth:`Desk.result`."""
    return Desk.of(dask_worker).result(key)


def drop(key: str, dask_worker: Any = None) -> None:
    """See :meth:`Desk.drop`."""
    with contextlib.suppress(OSError):
        Desk.of(dask_worker).drop(key)


def end_process(dask_worker: Any = None) -> int:
    """Kill the process of a worker, in its nanny, which starts it again; return its pid."""
    pid = int(dask_worker.pid)
    os.kill(pid, signal.SIGKILL)
    return pid


def read_news(body: bytes) -> News:
    """Return the news that a message carries."""
    return News.read(pickle.loads(body))
