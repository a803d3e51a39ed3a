"""The engine for work that needs a process of its own: outside the GIL, memory given back, a stop that kills.

Called by the slots' threads and by whoever cancels. A child serves one run after the other, for starting one costs a
tenth of a second; it ends when it has been idle for a minute, when a run left much memory behind, or when code of the
app has changed. A child that dies takes its own run with it and nothing else.
"""

import atexit
import contextlib
import signal
import threading
import time
import weakref
from typing import Any

from octostar_runtime.errors import CancelledError, WorkerDied
from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks.engines.processes.child import Child, Died, Outdated
from octostar_runtime.tasks.engines.processes.keeper import Keeper, seconds_until
from octostar_runtime.tasks.engines.remote.receiver import Receiver, assignment_of, settle
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.pool import Pool
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.worker import Worker

#: Seconds a run may go on after its time limit before its process is killed.
KILL_AFTER_S = 5.0
#: Seconds after which an idle process ends.
IDLE_S = 60.0
_living: "weakref.WeakSet[Child]" = weakref.WeakSet()


class ProcessEngine:
    """Child processes of this machine, at most as many as the pool has slots."""

    name = "process"
    remote = True

    def __init__(self, pool: str, settings: PoolSettings) -> None:
        self.kill_after_s = KILL_AFTER_S
        self.idle_s = IDLE_S
        self._pool = pool
        self._result_limit = settings.result_mb * 2**20
        self._lock = threading.Lock()
        self._idle: list[Child] = []  # the last to fall idle is the first to be used
        self._busy: dict[str, Child] = {}
        self._kill_at: dict[str, float] = {}
        self._made = 0
        self._slots: Pool | None = None  # known from the first run on
        self._keeper = Keeper(f"octostar-{pool}-keeper", self._tick)

    def start(self) -> None:
        """End idle processes beyond the pool's slots. A new one starts with the first run that needs it."""
        surplus: list[Child] = []
        with self._lock:
            while self._idle and len(self._idle) + len(self._busy) > self._size():
                surplus.append(self._idle.pop(0))
        for child in surplus:
            child.close()

    def stop(self) -> None:
        """Let the idle processes end."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()
        self._keeper.due(time.monotonic())

    def submit(self, run: Run, handle: TaskHandle) -> Any:
        """Let a child execute the run and apply what it tells meanwhile."""
        self._slots = run.pool
        receiver = Receiver(run, handle)
        assignment = assignment_of(run, result_limit=self._result_limit)
        try:
            while True:
                child = self._take(run)
                try:
                    return settle(run, child.execute(assignment, receiver.apply))
                except Outdated:
                    child.fat = True  # code has changed; the next one is new
                except Died as died:
                    child.fat = True
                    if child.served and not died.begun and not child.killed:
                        continue  # it had ended while it was idle, and that only shows now
                    if isinstance(run.worker, Worker):
                        run.worker.count_cpu(child.uncounted_s)
                    raise self._told(run, child, died) from None
                finally:
                    self._give_back(run, child)
        finally:
            receiver.close()

    def cancel(self, run: Run, *, hard: bool = False) -> None:
        """Tell the child; ``hard``: kill it. A run that does not heed its time limit is killed a little later."""
        with self._lock:
            child = self._busy.get(run.run_id)
            request = run.extra.cancel if run.extra is not None else None
            if child is None:
                return  # it has not begun, and will look before it does
            if not hard and request is not None and request.timeout:
                self._kill_at[run.run_id] = time.monotonic() + self.kill_after_s
        if hard:
            child.kill()
            return
        child.cancel(run.run_id, run.attempt, request.reason if request is not None else "cancelled")
        if request is not None and request.timeout:
            self._keeper.due(time.monotonic() + self.kill_after_s)

    def inspect(self, run: Run) -> str:
        """Return the stack of the run in its child; waits a second at most."""
        with self._lock:
            child = self._busy.get(run.run_id)
        return child.stack() if child is not None else ""

    # Children

    def _size(self) -> int:
        return self._slots.size if self._slots is not None else 0

    def _take(self, run: Run) -> Child:
        """Return a child for the run: one that is there, else a new one."""
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
                if child is not None:
                    self._busy[run.run_id] = child
                else:
                    self._made += 1
                name = f"octostar-{self._pool}-process-{self._made}"
            if child is None:
                child = Child(name)
                _living.add(child)
                with self._lock:
                    self._busy[run.run_id] = child
            elif not child.usable():
                self._give_back(run, child)
                continue
            if run.cancel_requested:  # asked before there was a child to tell
                self._give_back(run, child)
                raise CancelledError(f"task {run.task_id!r} was asked to stop")
            return child

    def _give_back(self, run: Run, child: Child) -> None:
        """Keep a child for the next run, unless it is of no use or there are enough."""
        usable = child.usable()
        child.idle_since = time.monotonic()
        with self._lock:
            self._busy.pop(run.run_id, None)
            self._kill_at.pop(run.run_id, None)
            kept = usable and run.pool.started and len(self._idle) + len(self._busy) < run.pool.size
            if kept:
                self._idle.append(child)
        if kept:
            self._keeper.due(child.idle_since + self.idle_s)
        else:
            self._drop(child)

    def _drop(self, child: Child) -> None:
        child.close()
        self._keeper.due(time.monotonic())  # it ends with the last child

    def _told(self, run: Run, child: Child, died: Died) -> BaseException:
        """Return what to raise for a run whose child is gone."""
        if child.killed:
            return CancelledError(f"the process of task {run.task_id!r} was killed")
        worker = getattr(run.worker, "name", str(run.worker))
        code = died.exitcode
        name = _signal_name(code)
        if name is None:
            what = f"ended with exit code {code}" if code is not None else "ended"
        else:
            what = f"was killed by {name}" + (", as the system does when memory runs out" if name == "SIGKILL" else "")
        return WorkerDied(
            f"{child.name} (pid {child.pid}) {what} while it ran this for {worker}", worker=worker, signal=name
        )

    def _tick(self) -> float | None:
        """Kill what has not heeded its time limit, end what has been idle for long; return when to look again."""
        now = time.monotonic()
        with self._lock:
            late = [self._busy[run_id] for run_id, at in self._kill_at.items() if at <= now and run_id in self._busy]
            self._kill_at = {run_id: at for run_id, at in self._kill_at.items() if at > now}
            old = [child for child in self._idle if child.idle_since + self.idle_s <= now]
            self._idle = [child for child in self._idle if child not in old]
            moments = [*self._kill_at.values(), *(child.idle_since + self.idle_s for child in self._idle)]
            if self._busy and not moments:
                moments = [now + self.idle_s]
        for child in late:
            child.kill()
        for child in old:
            child.close()
        return seconds_until(min(moments)) if moments else None


def _signal_name(code: int | None) -> str | None:
    if code is None or code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


@atexit.register
def _leave_none() -> None:
    """Kill what still lives when the interpreter exits, before ``multiprocessing`` waits for it."""
    for child in list(_living):
        with contextlib.suppress(Exception):
            if not child.wait_gone(0):
                child.kill()
