"""The task manager: background work for a Streamlit app, or for any Python program.

A facade over the parts of this package; every method may be called from any thread and none waits for a task, except
``wait``, ``wait_run``, ``join_pool`` and ``close``, which say how long at most.
"""

import contextlib
import contextvars
import json
import re
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from octostar_runtime.clock import Clock, SystemClock
from octostar_runtime.errors import (
    CancelledError,
    InvalidInput,
    InvalidTransition,
    NotRetriable,
)
from octostar_runtime.events import EventBus
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.ports import EventSink
from octostar_runtime.settings import Settings
from octostar_runtime.tasks.book import RunBook
from octostar_runtime.tasks.context import PROVIDER, ambient
from octostar_runtime.tasks.describe import arguments_text, function_name, held_by_a_module
from octostar_runtime.tasks.handle import check_status
from octostar_runtime.tasks.isolation import isolated
from octostar_runtime.tasks.lifecycle import Lifecycle, Watch
from octostar_runtime.tasks.pool import Pool
from octostar_runtime.tasks.reading import SCOPED, TaskReading
from octostar_runtime.tasks.record import record_of
from octostar_runtime.tasks.registry import path_of, portable_text, resolve, spec_of
from octostar_runtime.tasks.run import DEFAULT_OPTIONS, Run, current_run
from octostar_runtime.tasks.sizing import size_of, size_of_closure
from octostar_runtime.tasks.takeover import taken_over
from octostar_runtime.tasks.validation import (
    check_callable,
    check_owner,
    check_task_id,
    checked_name,
    checked_options,
    session_named,
    timeout_seconds,
)

_copy_context = contextvars.copy_context
_NOTHING_SPECIAL = (None, 0, 0, (), None, "cancel", 1.0, 300.0)


class Matcher(Protocol):
    """What selects runs, such as a parsed query of the console."""

    def matches(self, record: RunRecord, /) -> bool: ...


RunFilter = Callable[[RunRecord], bool] | Matcher


class Known:
    """What was found out about the function submitted last; most apps submit the same one again and again."""

    __slots__ = ("closure_bytes", "fn", "light", "name", "pool", "portable", "spec")

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.spec = spec_of(fn)
        self.name = (self.spec and self.spec.name) or function_name(fn)
        self.pool = (self.spec and self.spec.pool) or "default"
        self.light = held_by_a_module(fn)
        self.closure_bytes = 0 if self.light else size_of_closure(fn)
        path = path_of(fn)
        self.portable = path is not None and not path.startswith("__main__:")


def _nothing(_: Any) -> None:
    """What a new manager knows: something that nobody submits."""


class TaskManager(TaskReading):
    """Submit work, follow it, stop it. Pools come from the settings; ``default`` is always there.

    Task ids are global unless ``scope="session"`` gives each session ids of its own; any other text names a scope, and
    ``scope="session:NAME"`` a scope within each session.
    """

    def __init__(
        self,
        *,
        node_id: str = "local",
        clock: Clock | None = None,
        sink: EventSink | None = None,
        settings: Settings | None = None,
    ) -> None:
        chosen = settings or Settings()
        self.node_id = node_id
        self.settings = chosen
        self.clock: Clock = clock or SystemClock()
        self._book = RunBook(
            limit=chosen.retain_runs,
            max_age_s=chosen.retain_hours * 3600,
            max_bytes=chosen.retain_result_mb * 2**20,
        )
        self._lifecycle = Lifecycle(
            node_id=node_id,
            clock=self.clock,
            sink=sink or EventBus(),
            book=self._book,
            stuck_after_s=chosen.stuck_after_s,
        )
        self._lock = self._lifecycle.lock
        self._redact = re.compile(chosen.redact)
        self._cached: dict[str, RunRecord] = {}
        self._known = Known(_nothing)
        self._monotonic, self._wall = self.clock.monotonic, self.clock.time
        super().__init__(chosen.pools)

    # Submitting

    def submit(
        self,
        task_id: Hashable,
        fn: Callable[..., Any],
        kwargs: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        pool: str | None = None,
        session: str | None = None,
        session_id: str | None = None,
        user: str | None = None,
        priority: int = 0,
        timeout: float | timedelta | None = None,
        timeout_s: float | None = None,
        retries: int = 0,
        backoff_s: float = 1.0,
        backoff_max_s: float = 300.0,
        on_session_end: str = "cancel",
        tags: Iterable[str] = (),
        resources: Mapping[str, float] | None = None,
        scope: str = "global",
        retry_of: str | None = None,
    ) -> str:
        """Queue ``fn(handle, **kwargs)`` and return the id of the new run; a live run of the same task is superseded.

        Higher ``priority`` goes first within a session. ``timeout``, seconds or a timedelta, counts from each attempt's
        start; ``retries`` follow an error or a timeout, after ``backoff_s`` seconds, doubled each time up to
        ``backoff_max_s``. ``session_id`` and ``timeout_s`` are the names that records have for ``session`` and
        ``timeout``. ``resources``, e.g. ``{"GPU": 1}``, is what a worker of a Dask pool must have to spare. Raises
        InvalidTask, InvalidInput, NotPortable (the pool executes in other processes), PoolNotFound, QueueFull or
        ManagerClosed; none of them leaves anything behind.
        """
        if timeout is not None:
            timeout_s = timeout_seconds(timeout, timeout_s)
        if session is not None:
            session_id = session_named(session, session_id)
        if type(task_id) is not str or not task_id or len(task_id) > 500 or task_id.isspace():
            check_task_id(task_id)
        known = self._known
        if known.fn is not fn or kwargs:
            arguments = check_callable(task_id, fn, kwargs)
            known = self._known = known if known.fn is fn else Known(fn)
        else:
            arguments = None
        asked = (timeout_s, priority, retries, tags, resources, on_session_end, backoff_s, backoff_max_s)
        if asked == _NOTHING_SPECIAL:
            options = DEFAULT_OPTIONS
        else:
            options = checked_options(
                priority=priority,
                timeout_s=timeout_s,
                retries=retries,
                backoff_s=backoff_s,
                backoff_max_s=backoff_max_s,
                on_session_end=on_session_end,
                tags=tags,
                resources=resources,
            )
        target = self._pools.get(known.pool) if pool is None else self._pool(pool)
        if target is None:
            raise self._no_pool(known.pool)
        if resources:
            _check_resources(target, resources)
        if session_id is None and (current_run.get() is not None or PROVIDER[0] is not None):
            session_id, user = ambient(user)
        if session_id is not None or user is not None:
            check_owner(session_id, user)
        run = Run(
            task_id,
            task_id if scope == "global" else self._scoped(task_id, scope, session_id),
            known.name if name is None else checked_name(name),
            fn,
            arguments,
            _copy_context(),
            target,
            session_id,
            user,
            options,
            self._monotonic(),
            self._wall(),
            known.light and arguments is None,
            known.closure_bytes,
        )
        if arguments is not None or known.spec is not None or retry_of is not None:
            extra = run.more()
            extra.arguments = arguments_text(arguments, self._redact)
            extra.retry_of = retry_of
            run.call_bytes += size_of(arguments)
            if known.portable:
                extra.portable = portable_text(arguments)
        if target.remote:
            _pack(run)
        return self._lifecycle.admit(run)

    def retry(self, run_id: str) -> str:
        """Run an ended run again with the same function, arguments and options; return the new run's id.

        NotRetriable when it has not ended or its function is no longer held; TaskNotFound when it is unknown.
        """
        with self._lock:
            run = self._book.get(run_id)
            fn, kwargs, options = run.fn, run.kwargs, run.options
            if run.ended_mono is None:
                raise NotRetriable(f"run {run_id} is {run.state.value}; cancel it, or wait until it has ended")
            if fn is None:
                raise NotRetriable(record_of(run, self.node_id).not_retriable_because or "its function is gone")
        again = Run(
            run.task_id,
            run.key,
            run.name,
            fn,
            kwargs,
            _copy_context(),
            self._pool(run.pool.name),
            run.session_id,
            run.user,
            options,
            self._monotonic(),
            self._wall(),
            run.light,
            run.call_bytes,
        )
        extra = again.more()
        extra.retry_of = run_id
        if run.extra is not None:
            extra.arguments, extra.portable = run.extra.arguments, run.extra.portable
        if again.pool.remote:
            _pack(again)
        return self._lifecycle.admit(again)

    def retry_elsewhere(self, record: RunRecord, arguments: Mapping[str, Any]) -> str:
        """Run another node's run here: its registered function with its portable arguments."""
        if record.function is None:
            raise NotRetriable(record.not_retriable_because or "its function is not registered with @task")
        return self.submit(
            record.task_id,
            resolve(record.function),
            arguments,
            name=record.name,
            pool=record.pool if record.pool in self._pools else "default",
            session_id=record.session_id,
            user=record.user,
            priority=record.priority,
            timeout_s=record.timeout_s,
            retries=record.max_attempts - 1,
            on_session_end=record.on_session_end,
            tags=record.tags,
            retry_of=record.run_id,
        )

    def take_over(self, record: RunRecord, pool: str) -> None:
        """Follow a run that another process has sent to the cluster of ``pool``, under its own id, until its end."""
        run = taken_over(record, self._pool(pool), self._monotonic(), self._wall())
        self._lifecycle.take_over(run)

    def portable_arguments(self, run_id: str) -> Mapping[str, Any] | None:
        """Return a run's arguments as JSON values when any node could run it again, else None. Never show them."""
        with self._lock:
            run = self._book.look_up(run_id)
            text = run.extra.portable if run is not None and run.extra is not None else None
        values: dict[str, Any] | None = None if text is None else json.loads(text)
        return values

    # Reporting from outside

    def output(self, task_id: Hashable, status: Any, data: Any, *, scope: str = "global") -> None:
        """Hand out an intermediate result from outside of a task; dropped when the task was asked to stop.

        InvalidStatus for any status but IN_PROGRESS, InvalidTransition when the task has ended.
        """
        check_status(status)
        copied = isolated(data)
        with self._lock:
            run = self._find(task_id, scope)
            if run.ended_mono is not None:
                raise InvalidTransition(f"task {task_id!r} has ended in {run.state.value}; submit it again")
        with contextlib.suppress(CancelledError):
            self._lifecycle.report(run, data=copied)

    # Stopping

    def cancel(self, task_id: Hashable, reason: str = "", by: str | None = None, *, scope: str = "global") -> bool:
        """Ask a task to stop; one still queued is CANCELLED at once. False when it has ended; TaskNotFound."""
        with self._lock:
            run = self._find(task_id, scope)
        return self._lifecycle.cancel(run, reason=reason or "cancelled", by=by)

    def cancel_run(self, run_id: str, reason: str = "", by: str | None = None) -> bool:
        """Ask a run to stop; see ``cancel``."""
        with self._lock:
            run = self._book.get(run_id)
        return self._lifecycle.cancel(run, reason=reason or "cancelled", by=by)

    def cancel_where(self, matching: RunFilter, reason: str = "", by: str | None = None) -> tuple[str, ...]:
        """Ask every live run that matches to stop; return their run ids. The filter is called without any lock."""
        matches = matching if callable(matching) else matching.matches
        with self._lock:
            live = self._live_runs()
        chosen = [run for run in live if matches(self._record(run))]
        return tuple(run.run_id for run in chosen if self._lifecycle.cancel(run, reason=reason or "cancelled", by=by))

    def lose_where(self, matching: Callable[[RunRecord], bool], why: str) -> int:
        """End every live run that matches as LOST, as the fleet did that gave it up; return how many.

        What executes notices at its next report or sleep, as with a cancel.
        """
        with self._lock:
            live = self._live_runs()
        chosen = [run for run in live if matching(self._record(run))]
        self._lifecycle.lose(chosen, why)
        return len(chosen)

    def forget_person(self, user: str) -> int:
        """Remove from the ended runs of ``user`` whose they were, what with, and what came of them; return how many."""
        with self._lock:
            self._book.file()
            theirs = [run for run in self._book.ended if run.user == user]
            for run in theirs:
                run.anonymise()
                self._book.changed(run)
        return len(theirs)

    def hard_stop(self, run_id: str, by: str | None = None) -> bool:
        """Raise an exception in the thread of a run that does not heed its cancel; a process pool kills the process.

        Python delivers it at the thread's next bytecode: not while it waits in C code. A thread that has not ended
        5 s later, or at the second call, is replaced, so that the pool keeps its size, and reported as orphaned.
        False when the run does not execute now; TaskNotFound.
        """
        with self._lock:
            run = self._book.get(run_id)
        return self._lifecycle.hard_stop(run, by=by)

    # Sessions

    def session_ended(self, session_id: str, reason: str = "session ended") -> tuple[str, ...]:
        """Cancel the session's live runs that were not submitted with ``on_session_end="keep"``; return their ids."""
        with self._lock:
            runs = [run for run in self._runs_of(session_id) if run.options.on_session_end == "cancel"]
        return tuple(run.run_id for run in runs if self._lifecycle.cancel(run, reason=reason, by=None))

    def adopt(self, old_session: str, new_session: str) -> int:
        """Hand the live runs of a session to its successor, with the ids it gave them; return how many."""
        with self._lock:
            runs = self._runs_of(old_session)
            for pool in self._every_pool():
                pool.queue.rename(old_session, new_session, pool.executing())
            old, new = (SCOPED, "session", old_session), (SCOPED, "session", new_session)
            self._book.rename(
                lambda key: isinstance(key, tuple) and key[:3] == old,
                lambda key: (*new, *key[3:]),
            )
            for run in runs:
                run.session_id = new_session
                run.seq += 1
                self._lifecycle._changed(run)
        self._lifecycle.flush()
        return len(runs)

    # Following

    def watch_executions(self, watch: Watch | None) -> None:
        """Call ``watch(run)`` before each attempt, on its worker, and what that returns after it. It must not raise."""
        self._lifecycle.watch = watch

    def tick(self) -> float | None:
        """Do what is due now (timeouts, next attempts, expiry); its own timer does, tests with a manual clock must."""
        return self._lifecycle.tick()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Take no more work, cancel what waits, ask what runs to stop, and wait for it at most ``timeout_s`` seconds.

        Runs that have not ended by then are LOST; their threads do not keep the process alive. True when all ended.
        """
        deadline = time.monotonic() + timeout_s
        with self._lock:
            self._lifecycle.closed = True
            # what others' machines execute goes on, for another process to take over
            live = [run for run in self._live_runs() if run.extra is None or run.extra.elsewhere is None]
        for run in live:
            self._lifecycle.cancel(run, reason="shutdown", by=None)
        for pool in self._every_pool():
            self._lifecycle.shut(pool)
        for run in live:
            self._wait_ended(run, deadline)
        left = [run for run in live if run.ended_mono is None]
        for run in left:
            if run.pool.remote:  # nobody will hear of it any more
                run.pool.engine.cancel(run, hard=True)
        self._lifecycle.lose(left, "the task manager was closed while it still ran")
        for pool in self._every_pool():
            pool.engine.stop()
        self._join_workers(deadline)
        self._lifecycle.stop_timer(max(0.1, deadline - time.monotonic()))
        return not left

    def _wait_ended(self, run: Run, deadline: float) -> None:
        if current_run.get() is not run:
            self._wait_for(run, deadline - time.monotonic())

    def _join_workers(self, deadline: float) -> None:
        me = threading.current_thread()
        for pool in self._every_pool():
            for worker in [*pool.workers]:
                if worker.thread is not me and worker.run is None:
                    worker.thread.join(max(0.0, deadline - time.monotonic()))


def _check_resources(pool: Pool, resources: Mapping[str, float]) -> None:
    """Refuse what no worker of the pool will ever have to spare."""
    if pool.on_cluster is None:
        raise InvalidInput(
            f"pool {pool.name!r} has engine {pool.engine.name!r}, which knows no resources; leave resources out, or "
            'give the pool engine "dask" in OCTOSTAR_POOLS'
        )
    why = pool.on_cluster.lacks(resources)
    if why:
        raise InvalidInput(why)


def _pack(run: Run) -> None:
    """Pack the call for another process, where it was given, so that NotPortable tells the one who gave it."""
    from octostar_runtime.tasks.engines.remote.packing import pack_call  # cloudpickle comes with an extra

    assert run.fn is not None
    run.more().packed = pack_call(run.fn, run.kwargs, run.context)
