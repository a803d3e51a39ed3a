"""What a child process does: execute one run after the other, and listen meanwhile.

The runs execute in its main thread; a second thread hears the parent. When the parent is gone, so is the child, with
everything it has started.
"""

import contextlib
import faulthandler
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from octostar_runtime.tasks.engines.processes.sources import Sources
from octostar_runtime.tasks.engines.remote.execution import Execution
from octostar_runtime.tasks.engines.remote.messages import Assignment

#: What may stay in a child after a run, beyond what it began with; above it the process ends and gives all back.
KEPT_BYTES = 64 * 2**20
_IMPORTED_BYTES = 512 * 2**20  # growth up to here counts as that of new modules, in a run that imported some
_EARLY = 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


def octostar_child(connection: Connection, log_levels: Mapping[str, int]) -> None:
    """Serve runs until the parent closes the connection."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)  # so that a hard stop also ends what the task has started
    for name, level in log_levels.items():
        logging.getLogger(name).setLevel(level)
    server = _Server(connection)
    threading.Thread(target=server.listen, name="octostar-control", daemon=True).start()
    server.work()


class _Server:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._assigned: SimpleQueue[tuple[bytes, bytes] | None] = SimpleQueue()  # an assignment's head, its call
        self._lock = threading.Lock()
        self._execution: Execution | None = None
        self._early: dict[tuple[str, int], str] = {}  # asked to stop before they began
        self._sources = Sources()
        self._floor = 0
        self._modules = 0

    def work(self) -> None:
        """Execute what is assigned, in this thread."""
        self._floor, self._modules = _memory_bytes(), len(sys.modules)
        self._send("ready", _dump_stacks_on_signal())
        while (packed := self._assigned.get()) is not None:
            if self._sources.outdated():
                self._send("outdated")
                continue
            self._send("begun")
            execution = Execution(Assignment.read(*packed), lambda news: self._send("news", news))
            del packed
            with self._lock:
                self._execution = execution
                reason = self._early.pop(_key(execution), None)
            if reason is not None:
                execution.cancel(reason)
            ending = execution.perform()
            with self._lock:
                self._execution = None
            del execution
            self._send("ended", ending, self._is_fat())
            del ending

    def listen(self) -> None:
        """Hear the parent, in a thread of its own."""
        while True:
            try:
                kind, *values = self._connection.recv()
                if kind == "run":
                    self._assigned.put((values[0], self._connection.recv_bytes()))
            except (EOFError, OSError):
                break
            if kind == "cancel":
                self._cancel(*values)
            elif kind == "stack":
                execution = self._execution
                self._send("stack", values[0], execution.stack() if execution is not None else "")
        if self._execution is None:
            self._assigned.put(None)
        else:  # the parent is gone
            _end_with_all()

    def _cancel(self, run_id: str, attempt: int, reason: str) -> None:
        with self._lock:
            execution = self._execution
            if execution is None or _key(execution) != (run_id, attempt):
                self._early[run_id, attempt] = reason
                while len(self._early) > _EARLY:  # those that had ended
                    del self._early[next(iter(self._early))]
                return
        execution.cancel(reason)

    def _send(self, *message: Any) -> None:
        with self._sending:
            self._connection.send(message)

    def _is_fat(self) -> bool:
        """Whether the run has left more memory behind than a process should keep."""
        used, modules = _memory_bytes(), len(sys.modules)
        if used - self._floor > KEPT_BYTES:
            gc.collect()
            _trim()
            used = _memory_bytes()
        if modules > self._modules and used - self._floor < _IMPORTED_BYTES:
            self._floor = max(self._floor, used)
        self._modules = modules
        return used - self._floor > KEPT_BYTES


def _key(execution: Execution) -> tuple[str, int]:
    return execution.assignment.run_id, execution.assignment.attempt


def _end_with_all() -> None:
    """End this process and what it has started."""
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _memory_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def _trim() -> None:
    """Let the C library give free memory back to the system."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _dump_stacks_on_signal() -> int | None:
    """Write all stacks to a file in memory at SIGUSR2; return its number. It works while C code holds the GIL."""
    try:
        file = os.memfd_create("octostar-stacks")
        faulthandler.register(signal.SIGUSR2, file=file, all_threads=True)
    except (AttributeError, OSError, ValueError):
        return None
    return file
