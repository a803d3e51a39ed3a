"""What can be asked of a task manager, and waiting for what it does."""

import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from itertools import islice
from typing import Any

from octostar_runtime.errors import InvalidInput, InvalidTask, ResultExpired
from octostar_runtime.models.runs import TASK_STATUS, WAITING, RunRecord, RunState
from octostar_runtime.settings import Settings
from octostar_runtime.tasks.book import RunBook
from octostar_runtime.tasks.context import ambient
from octostar_runtime.tasks.isolation import isolated
from octostar_runtime.tasks.kept_result import KeptResult
from octostar_runtime.tasks.pool_control import PoolControl
from octostar_runtime.tasks.record import record_of
from octostar_runtime.tasks.run import Run, current_run
from octostar_runtime.tasks.sizing import size_of

_new_lock = threading.Lock
SCOPED = "octostar:scope"
RUNS_LIMIT = 2_000


class TaskReading(PoolControl):
    """The part of the task manager that tells of its runs and waits for them."""

    settings: Settings
    _book: RunBook
    _lock: threading.Lock
    _cached: dict[str, RunRecord]

    def get_result(self, task_id: Hashable, *, scope: str = "global") -> dict[str, Any]:
        """Return ``{"id", "status", "data"}`` of a task's newest run, as the seed does.

        ``data`` is the newest intermediate or the final result, the exception when it failed; a copy that is the
        caller's own. TaskNotFound or ResultExpired (both KeyErrors) when there is nothing to return.
        """
        with self._lock:
            run = self._find(task_id, scope)
            state, data = run.state, run.data
            if run.result_bytes == -1:
                raise ResultExpired(
                    f"task {task_id!r} ended in {state.value}, but its result was dropped: results are kept up to "
                    f"{self.settings.retain_result_mb} MB; raise OCTOSTAR_RETAIN_RESULT_MB or fetch results sooner"
                )
        if isinstance(data, KeptResult):
            data = self._fetched(run, data)
        return {"id": task_id, "status": TASK_STATUS[state], "data": isolated(data)}

    def _fetched(self, run: Run, kept: KeptResult) -> Any:
        """Get a result that stayed where it was made, and hold it here from now on when there is room."""
        value = kept.fetch()
        size = size_of(value)
        with self._lock:
            held = run.data is kept and self._book.hold(run, value, size)
        if held:
            with contextlib.suppress(Exception):  # the worker makes room by itself
                kept.drop()
        return value

    def snapshot(self, task_id: Hashable, *, scope: str = "global") -> RunRecord:
        """Return everything known of a task's newest run; TaskNotFound, ResultExpired."""
        with self._lock:
            return record_of(self._find(task_id, scope), self.node_id)

    def run(self, run_id: str) -> RunRecord:
        """Return everything known of a run; TaskNotFound when it is not kept here."""
        with self._lock:
            return record_of(self._book.get(run_id), self.node_id)

    def runs(self, limit: int = RUNS_LIMIT) -> tuple[RunRecord, ...]:
        """Return the newest ``limit`` runs, newest first, live ones before ended ones when there are too many."""
        with self._lock:
            self._book.file()
            newest = self._newest_live(limit)
            ended = [run for run, _ in zip(reversed(self._book.ended), range(limit - len(newest)), strict=False)]
        chosen = sorted([*newest, *ended], key=lambda run: run.run_id, reverse=True)
        records: dict[str, RunRecord] = {}
        for run in chosen:
            known = self._cached.get(run.run_id)
            unchanged = known is not None and known.seq == run.seq + (run.logs.count if run.logs is not None else 0)
            records[run.run_id] = known if known is not None and unchanged else self._record(run)
        self._cached = records
        return tuple(records.values())

    def counts(self) -> Mapping[RunState, int]:
        """Return how many of the runs kept here are in each state."""
        with self._lock:
            self._book.file()
            counts = {state: self._book.ended_counts[state] for state in RunState}
            for pool in self._every_pool():
                counts[RunState.QUEUED] += pool.queue.size
                counts[RunState.RETRY_WAIT] += len(pool.retry_waiting)
                for run in pool.executing():
                    if run.ended_mono is None:
                        counts[run.state] += 1
            return counts

    def oldest_queued_at(self) -> float | None:
        """Return when the run was queued that has waited longest, in UTC seconds; None when none waits."""
        with self._lock:
            return next((run.queued_wall for run in self._book.live if run.state is RunState.QUEUED), None)

    def stack(self, run_id: str) -> str:
        """Return the live stack of the thread that executes a run, innermost frame last; "" when none does."""
        with self._lock:
            run = self._book.get(run_id)
        return run.pool.engine.inspect(run)

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many runs, results and late results were let go of because of a bound."""
        book = self._book
        return {
            "runs": book.runs_dropped,
            "results": book.results_dropped,
            "details": book.details_dropped,
            "late_results": self._lifecycle.late_results,
            "resynchronisations": book.resynchronisations,
        }

    # Following

    def on_change(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call ``callback()`` when there is something to drain after there was nothing; returns what undoes it.

        It is called in the thread that made the change, without a lock; it must be quick.
        """
        lifecycle = self._lifecycle
        with self._lock:
            lifecycle.listeners = (*lifecycle.listeners, callback)
            self._book.tracking or self._book.take_changes()

        def undo() -> None:
            with self._lock:
                lifecycle.listeners = tuple(one for one in lifecycle.listeners if one is not callback)

        return undo

    def drain_changes(self, limit: int | None = None) -> list[RunRecord]:
        """Return the runs that changed since the last call, each once and as it is now; at first, all are due.

        Those beyond ``limit`` wait for the next call: fewer than that means that nothing more waits.
        """
        with self._lock:
            changed = self._book.take_changes(limit)
        return [self._record(run) for run in changed]

    # Waiting

    def wait(self, task_id: Hashable, timeout_s: float | None = None, *, scope: str = "global") -> bool:
        """Wait until a task has ended, its newer submissions included; False after ``timeout_s`` seconds."""
        newest_of = self._book.newest
        with self._lock:
            run = newest_of.get(task_id) if scope == "global" and task_id.__class__ is str else None
            if run is None:
                run = self._find(task_id, scope)
            waiter = _waiter(run)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while waiter is not None:
            if deadline is None:
                waiter.acquire()
            elif not self._hold(run, waiter, deadline - time.monotonic()):
                return False
            newest = newest_of.get(run.key)
            if newest is run or newest is None:
                return True
            with self._lock:
                waiter, run = _waiter(newest), newest
        return True

    def wait_run(self, run_id: str, timeout_s: float | None = None) -> bool:
        """Wait until that very run has ended; False after ``timeout_s`` seconds."""
        with self._lock:
            run = self._book.get(run_id)
        return self._wait_for(run, timeout_s)

    def _wait_for(self, run: Run, timeout_s: float | None) -> bool:
        if run.ended_mono is not None:
            return True
        with self._lock:
            waiter = _waiter(run)
        return waiter is None or self._hold(run, waiter, timeout_s)

    def _hold(self, run: Run, waiter: Any, timeout_s: float | None) -> bool:
        """Wait until the end of the run releases ``waiter``; False after ``timeout_s`` seconds."""
        if timeout_s is None:
            return bool(waiter.acquire())
        if waiter.acquire(timeout=min(max(0.0, timeout_s), threading.TIMEOUT_MAX)):
            return True
        with self._lock:
            if run.waiters is not None:
                run.waiters.remove(waiter)
            return run.ended_mono is not None

    # Inside

    def _find(self, task_id: Hashable, scope: str) -> Run:
        if scope == "global":
            return self._book.find(task_id)
        return self._book.find(self._scoped(task_id, scope, None))

    def _scoped(self, task_id: Hashable, scope: str, session_id: str | None) -> Hashable:
        if not isinstance(scope, str) or not scope:
            raise InvalidInput(f'scope must be "global", "session" or a text of your own, not {scope!r}')
        within, _, name = scope.partition(":")
        if within != "session":
            return (SCOPED, "named", scope, task_id)
        if session_id is None:
            session_id, _ = ambient(None)
        if session_id is None:
            raise InvalidTask(
                f'task {task_id!r}: scope="session" needs a session; pass session_id, or use another scope'
            )
        return (SCOPED, "session", session_id, name, task_id)

    def _record(self, run: Run) -> RunRecord:
        with self._lock:
            return record_of(run, self.node_id)

    def _live_runs(self) -> list[Run]:
        live: list[Run] = []
        for pool in self._every_pool():
            live.extend(run for run in pool.executing() if run.ended_mono is None)
            live.extend(pool.retry_waiting)
            live.extend(pool.queue)
        return live

    def _newest_live(self, limit: int) -> list[Run]:
        """Return the live runs, only the newest ``limit`` when there are more; never walks a long queue."""
        pools = self._every_pool()
        waiting = sum(pool.queue.size + len(pool.retry_waiting) for pool in pools)
        if waiting <= limit:
            return sorted(self._live_runs(), key=lambda run: run.run_id, reverse=True)[:limit]
        executing = [run for pool in pools for run in pool.executing() if run.ended_mono is None]
        newest = (run for run in reversed(self._book.live) if run.state in WAITING)
        return [*executing, *islice(newest, max(0, limit - len(executing)))][:limit]

    def _runs_of(self, session_id: str) -> list[Run]:
        runs: list[Run] = []
        for pool in self._every_pool():
            runs.extend(pool.queue.of(session_id))
            busy = [*pool.executing(), *pool.retry_waiting]
            runs.extend(run for run in busy if run.session_id == session_id and run.ended_mono is None)
        return runs


def _waiter(run: Run) -> Any:
    """Return a lock that the end of ``run`` releases, None when it has ended. Call it with the manager's lock held."""
    if run.ended_mono is not None:
        return None
    if current_run.get() is run:
        raise InvalidInput(f"task {run.task_id!r} waits for itself, which would never end")
    waiter = _new_lock()
    waiter.acquire()
    if run.waiters is None:
        run.waiters = [waiter]
    else:
        run.waiters.append(waiter)
    return waiter
