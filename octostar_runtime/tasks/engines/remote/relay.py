"""The child's side of a task's handle: what a task tells, in few messages, and whether it was asked to stop.

A message goes out at once when none did in the last hundredth of a second; what is told meanwhile waits for the next
one, where newer progress replaces older, so a flood of progress stays a hundred messages a second. Called in the
task's threads; the messages go out there or in the relay's own thread, one at a time.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from octostar_runtime.errors import CancelledError, TooLarge
from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.capture import LINES, LogBuffer
from octostar_runtime.tasks.engines.remote.messages import Assignment, News, Step
from octostar_runtime.tasks.engines.remote.packing import pack_value
from octostar_runtime.tasks.handle import UNCHANGED
from octostar_runtime.tasks.run import CancelRequest

if TYPE_CHECKING:
    from octostar_runtime.tasks.run import Run

INTERVAL_S = 0.01
_LINGER_S = 0.5
Send = Callable[[News], object]


class Relay:
    """Stands where the lifecycle stands in the parent, and where the pool does: it hears of new log lines.

    ``send`` may wait, which slows the task down rather than piling messages up; what it raises is the transport's
    end, and ends the telling.
    """

    def __init__(self, assignment: Assignment, send: Send) -> None:
        self.lock = threading.Lock()  # the run's, as the pool's is in the parent
        self._assignment = assignment
        self._send = send
        self._process = os.getpid()
        self._sending = threading.Lock()
        self._stop = threading.Event()
        self._due = threading.Condition(self.lock)
        self._run: Run | None = None
        self._lines_sent = self._lines_dropped = 0
        self._waiting = False
        self._step: Step | None = None
        self._partial: bytes | None = None
        self._acknowledged = self._raised = self._pending = self._closed = False
        self._told_acknowledged = False
        self._stop_reason: str | None = None
        self._last_sent = 0.0
        self._thread: threading.Thread | None = None

    def attend(self, run: "Run") -> None:
        """Say for which run it speaks, once."""
        self._run = run
        run.logs = LogBuffer()

    # What a task's handle calls

    def report(
        self,
        run: "Run",
        *,
        data: Any = UNCHANGED,
        progress: float | None = None,
        done: float | None = None,
        total: float | None = None,
        message: str | None = None,
    ) -> None:
        """Take an intermediate result and progress; CancelledError when the run was asked to stop."""
        if run.cancel_requested or run.state.terminal:
            self.acknowledge(run, raised=True)
            raise CancelledError(f"task {run.task_id!r} was asked to stop")
        packed = None if data is UNCHANGED else self._packed(data)
        with self.lock:
            if packed is not None:
                self._partial = packed
            if progress is not None or done is not None or message is not None:
                before = self._step or (None, None, None, None)
                self._step = (
                    progress if progress is not None else before[0],
                    done,
                    total,
                    str(message)[:500] if message is not None else before[3],
                )
            self._pending = True
        self._tell()

    def acknowledge(self, run: "Run", *, raised: bool = False) -> None:
        """Note that the task has seen that it was asked to stop."""
        with self.lock:
            if self._told_acknowledged and (self._raised or not raised):
                return
            self._acknowledged = self._told_acknowledged = self._pending = True
            self._raised = self._raised or raised
        self._tell()

    def cancel_event(self, run: "Run") -> threading.Event:
        """Return the event that is set when the run is asked to stop."""
        return self._stop

    def cancel(self, run: "Run", *, reason: str, by: str | None) -> bool:
        """Ask the run to stop, from inside; the parent is told."""
        self.asked_to_stop(run, reason)
        with self.lock:
            self._stop_reason, self._pending = reason, True
        self._tell()
        return True

    def changed(self, run: "Run") -> None:
        """Hear of a new log line."""
        if self._closed:
            return
        # a line may come out of a garbage collection, anywhere: no lock that is waited for, and nothing sent here
        self._pending = True
        self._wake_thread(waits=False)

    # What the engine calls

    def asked_to_stop(self, run: "Run", reason: str) -> None:
        """Let the task see that it was asked to stop."""
        with self.lock:
            extra = run.more()
            if extra.cancel is None:
                extra.cancel = CancelRequest(at_wall=time.time(), at_mono=time.monotonic(), by=None, reason=reason)
                run.state = RunState.CANCELLING
        self._stop.set()

    def close(self) -> None:
        """Tell what is left, and nothing more."""
        self._flush()
        with self.lock:
            self._closed = True
            self._due.notify_all()
        thread = self._thread
        if thread is not None:
            thread.join(1.0)

    # Inside

    def _packed(self, data: Any) -> bytes:
        packed = pack_value(data, "a partial result")
        limit = self._assignment.partial_limit
        if len(packed) > limit:
            raise TooLarge(
                f"a partial result of {len(packed):,} bytes is over the limit of {limit:,}; report less of it, "
                "write it to a file and report where, or return it at the end"
            )
        return packed

    def _tell(self) -> None:
        if self._left_s() <= 0:
            self._flush(due=True)
        if self._pending:
            self._wake_thread()

    def _left_s(self) -> float:
        return self._last_sent + INTERVAL_S - time.monotonic()

    def _wake_thread(self, *, waits: bool = True) -> None:
        if not self.lock.acquire(blocking=waits):
            return  # whoever holds it, or the next one to tell something, sends this as well
        try:
            if self._closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_later, name="octostar-relay", daemon=True)
                self._thread.start()
            elif self._waiting:
                self._due.notify()
        finally:
            self.lock.release()

    def _send_later(self) -> None:
        while True:
            with self.lock:
                if not self._pending and not self._closed:
                    self._waiting = True
                    self._due.wait(_LINGER_S)
                    self._waiting = False
                if self._closed or not self._pending:
                    self._thread = None
                    return
            left = self._left_s()
            if left > 0:
                time.sleep(left)
            self._flush(due=True)

    def _flush(self, *, due: bool = False) -> None:
        """Send what there is; ``due``: unless another thread has just sent something."""
        if os.getpid() != self._process:
            return  # a copy that the task has forked: the run, and the line, are not its own
        with self._sending:
            if due and self._left_s() > 0:
                return
            with self.lock:
                news = self._take()
            if news is None:
                return
            self._last_sent = time.monotonic()
            try:
                self._send(news)
            except (OSError, ValueError, EOFError):
                self._closed = True  # nobody listens any more

    def _take(self) -> News | None:
        if not self._pending or self._closed or self._run is None:
            return None
        buffer = self._run.logs
        lines = _taken(buffer.lines) if buffer is not None else []
        dropped = self._newly_dropped(buffer, len(lines)) if buffer is not None else 0
        news = News(
            run_id=self._assignment.run_id,
            attempt=self._assignment.attempt,
            step=self._step,
            partial=self._partial,
            lines=tuple((line.at, line.level, line.logger, line.text) for line in lines),
            lines_dropped=dropped,
            acknowledged=self._acknowledged,
            raised=self._raised,
            stop_reason=self._stop_reason,
        )
        self._step = self._partial = self._stop_reason = None
        self._pending = self._acknowledged = False
        return news

    def _newly_dropped(self, buffer: LogBuffer, taken: int) -> int:
        # of all so far, since a line may be in the buffer before it is counted
        self._lines_sent += taken
        dropped = max(0, buffer.count - self._lines_sent - len(buffer.lines) - self._lines_dropped)
        self._lines_dropped += dropped
        return dropped


def _taken(lines: deque[Any]) -> list[Any]:
    taken = []
    for _ in range(LINES):
        try:
            taken.append(lines.popleft())
        except IndexError:
            break
    return taken
