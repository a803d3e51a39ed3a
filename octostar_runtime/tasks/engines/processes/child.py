"""The parent's view of one child process: hand it a run, hear it until the end, stop it."""

import contextlib
import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any

import psutil
from pebble import ProcessExpired, concurrent

from octostar_runtime.tasks.engines.processes.serve import octostar_child
from octostar_runtime.tasks.engines.processes.spawn import ChildContext
from octostar_runtime.tasks.engines.remote.messages import Assignment, Ending, News

#: Seconds a child has to say its stack; then the signal handler that needs no GIL is asked.
ANSWER_S = 0.5
_DUMP_S = 0.5
_REAP_S = 5.0
_tokens = itertools.count(1)


class Outdated(Exception):
    """The child has imported code that has changed since; a new one is needed."""


class Died(Exception):
    """The child ended before its run did. ``exitcode`` is that of ``multiprocessing``: -9 for SIGKILL.

    Without ``begun`` nothing of the run was executed.
    """

    def __init__(self, exitcode: int | None, *, begun: bool) -> None:
        super().__init__(exitcode)
        self.exitcode = exitcode
        self.begun = begun


class Child:
    """One process. ``execute`` is called by one slot at a time; the rest by any thread, and does not wait."""

    def __init__(self, name: str) -> None:
        context = ChildContext()
        self.name = name
        self.idle_since = time.monotonic()
        self.killed = False
        self.served = False  # whether it has executed a run to the end
        self.uncounted_s = 0.0  # CPU seconds of the run it was killed in
        self.fat = False  # its last run left so much memory behind that the process had better end
        self._connection, theirs = context.Pipe()
        self._sending = threading.Lock()
        self._asked: dict[int, tuple[threading.Event, list[str]]] = {}
        self._dump: int | None = None
        self._counted_s = 0.0
        try:
            decorate: Any = concurrent.process  # its annotations call the context by another name than it does
            launch = decorate(name=name, daemon=False, context=context)(octostar_child)
            self._future: Any = launch(theirs, _log_levels())
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()
        assert context.process is not None
        self._process = context.process
        self.pid = context.process.pid or 0

    def usable(self) -> bool:
        """Whether it can be given a run. Call it while it executes none."""
        if self.killed or self.fat:
            return False
        try:
            while self._connection.poll(0):
                kind, *values = self._connection.recv()
                self._take(kind, values, lambda _: None)
        except (EOFError, OSError):
            return False
        return True

    def execute(self, assignment: Assignment, hear: Callable[[News], None]) -> Ending:
        """Let it execute a run; returns how that ended. Died, Outdated."""
        try:
            with self._sending:
                self._connection.send(("run", assignment.head()))
                self._connection.send_bytes(assignment.call)
        except OSError:
            raise Died(self._exitcode(), begun=False) from None
        begun = False
        while True:
            try:
                kind, *values = self._connection.recv()
            except (EOFError, OSError):
                raise Died(self._exitcode(), begun=begun) from None
            if kind == "begun":
                begun = True
            if kind == "ended":
                ending: Ending
                ending, self.fat = values
                self.served = True
                self._counted_s += ending.cpu_s
                return ending
            self._take(kind, values, hear)

    def _take(self, kind: str, values: list[Any], hear: Callable[[News], None]) -> None:
        if kind == "news":
            hear(values[0])
        elif kind == "ready":
            self._dump = values[0]
        elif kind == "outdated":
            raise Outdated
        elif kind == "stack":
            asked = self._asked.pop(values[0], None)
            if asked is not None:
                asked[1].append(values[1])
                asked[0].set()

    def cancel(self, run_id: str, attempt: int, reason: str) -> None:
        """Pass on that the run was asked to stop."""
        with contextlib.suppress(OSError):
            self._send("cancel", run_id, attempt, reason)

    def stack(self) -> str:
        """Return the live stack of the run it executes; waits a second at most."""
        token, answered = next(_tokens), threading.Event()
        answers: list[str] = []
        self._asked[token] = (answered, answers)
        with contextlib.suppress(OSError):
            self._send("stack", token)
            answered.wait(ANSWER_S)
        self._asked.pop(token, None)
        return answers[0] if answers else self._dumped()

    def kill(self) -> None:
        """End it now, with everything it has started."""
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self.pid).cpu_times()
            self.uncounted_s = max(0.0, float(times.user + times.system) - self._counted_s)
        self.killed = True
        if self._process.exitcode is None:  # else the number may be another process's by now
            for send in (os.killpg, os.kill):  # it may not lead a group yet
                with contextlib.suppress(OSError):
                    send(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let it end by itself; one that executes a run is killed."""
        with contextlib.suppress(OSError):
            self._connection.close()

    def wait_gone(self, timeout_s: float) -> bool:
        """Wait until its process has ended; False after ``timeout_s`` seconds."""
        with contextlib.suppress(FutureTimeout, ProcessExpired, Exception):
            self._future.result(timeout_s)
        return bool(self._future.done())

    def _send(self, *message: Any) -> None:
        with self._sending:
            self._connection.send(message)

    def _exitcode(self) -> int | None:
        try:
            self._future.result(_REAP_S)
        except ProcessExpired as expired:
            return int(expired.exitcode) if expired.exitcode is not None else None
        except Exception:  # noqa: BLE001 - whatever it was, there is no exit code
            return None
        return 0

    def _dumped(self) -> str:
        if self._dump is None or self._process.exitcode is not None:
            return ""
        path = Path(f"/proc/{self.pid}/fd/{self._dump}")
        try:
            before = path.stat().st_size
            os.kill(self.pid, signal.SIGUSR2)
            deadline = time.monotonic() + _DUMP_S
            while path.stat().st_size == before and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.01)  # it is written in pieces
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(before)
                return readable(file.read())
        except OSError:
            return ""


def readable(dump: str) -> str:
    """Return the stack of the thread that executes a run out of a dump of all, innermost frame last."""
    for block in dump.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("  File ")]
        ours = [i for i, line in enumerate(lines) if "/octostar_runtime/tasks/engines/" in line]
        if any("execution.py" in line and line.endswith(" in perform") for line in lines):
            return "\n".join(reversed(lines[: ours[0]])) + "\n"
    return ""


def _log_levels() -> Mapping[str, int]:
    """Return the log levels that the app has set, by logger; "" is the root."""
    named = {
        name: logger.level
        for name, logger in list(logging.Logger.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and logger.level != logging.NOTSET
    }
    return {"": logging.getLogger().level, **named}
