"""The child's side of one attempt of a run: unpack, execute as a thread pool would, say how it ended."""

import asyncio
import contextvars
import os
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from octostar_runtime.errors import CancelledError, NotPortable, TooLarge
from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.capture import ensure_installed
from octostar_runtime.tasks.describe import error_text, error_type, traceback_text
from octostar_runtime.tasks.engines.remote.carried_context import restore
from octostar_runtime.tasks.engines.remote.messages import Assignment, Ending
from octostar_runtime.tasks.engines.remote.packing import pack_value, unpack_call
from octostar_runtime.tasks.engines.remote.relay import Relay, Send
from octostar_runtime.tasks.engines.threads import ThreadEngine
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.run import DEFAULT_OPTIONS, Run
from octostar_runtime.tasks.stacks import live_stack

_OURS = "octostar_runtime.tasks."


class Execution:
    """One attempt. ``perform`` runs in the thread that is to execute the task; the rest may be called from others.

    ``cpu_clock`` gives the CPU seconds to count: those of the process, or of the thread where it shares the process.
    """

    def __init__(
        self, assignment: Assignment, send: Send, *, cpu_clock: Callable[[], float] = time.process_time
    ) -> None:
        self.assignment = assignment
        self._relay = Relay(assignment, send)
        self._engine = ThreadEngine()
        self._cpu_clock = cpu_clock
        self._thread_id = 0
        self._run = Run(
            assignment.task_id,
            assignment.task_id,
            assignment.name,
            _never,
            None,
            contextvars.Context(),
            cast(Any, self._relay),  # what a run asks of its pool, the relay answers
            assignment.session_id,
            assignment.user,
            DEFAULT_OPTIONS,
            time.monotonic(),
            time.time(),
            False,
        )
        self._run.run_id = assignment.run_id
        self._run.attempt = assignment.attempt
        self._run.state = RunState.RUNNING
        self._relay.attend(self._run)

    def cancel(self, reason: str = "cancelled") -> None:
        """Let the task see that it was asked to stop."""
        self._relay.asked_to_stop(self._run, reason)
        self._engine.cancel(self._run)

    def stack(self) -> str:
        """Return the live stack of the task, innermost frame last; "" when it does not execute now."""
        return live_stack(self._thread_id, ours=_OURS, after=__name__) if self._thread_id else ""

    def perform(self) -> Ending:
        """Execute it and return how it ended; whatever the task raises is part of that. News is sent before."""
        cpu, process = self._cpu_clock(), os.getpid()
        self._thread_id = threading.get_ident()
        try:
            ending = self._ending()
            if os.getpid() != process:
                os._exit(0 if ending.state == "success" else 1)  # a copy that the task has forked, at its own end
        finally:
            self._thread_id = 0
            self._run.state = RunState.SUCCESS  # whoever still holds the handle may tell nothing more
            self._relay.close()
        object.__setattr__(ending, "cpu_s", max(0.0, self._cpu_clock() - cpu))
        return ending

    def _ending(self) -> Ending:
        try:
            value = self._value()
        except (CancelledError, asyncio.CancelledError):
            return Ending(state="cancelled")
        except BaseException as error:  # noqa: BLE001 - whatever a task raises is its outcome
            return _failed(error)
        return self._success(value)

    def _value(self) -> Any:
        run = self._run
        ensure_installed()
        try:
            run.fn, run.kwargs, variables = unpack_call(self.assignment.call)
        except Exception as error:
            raise NotPortable(
                f"{run.name!r} could not be set up in this process: {type(error).__name__}: {error}. Is every module "
                "it needs installed here, in the same version?"
            ) from error
        assert run.context is not None
        run.context.run(restore, variables)
        if run.cancel_requested:
            raise CancelledError(f"task {run.task_id!r} was asked to stop")
        return self._engine.submit(run, TaskHandle(run, self._relay))

    def _success(self, value: Any) -> Ending:
        if value is None:
            return Ending(state="success")
        limit = self.assignment.result_limit
        try:
            packed = pack_value(value, f"the result of {self._run.name!r} ({type(value).__qualname__})")
            if len(packed) > limit:
                raise TooLarge(
                    f"the result of {self._run.name!r} has {len(packed):,} bytes, the limit is {limit:,}; return less, "
                    "write it to a file and return where, or raise the pool's result_mb in OCTOSTAR_POOLS"
                )
        except (NotPortable, TooLarge) as error:
            error.__traceback__ = None
            return _failed(error, retriable=False)
        return Ending(state="success", data=packed)


def _failed(error: BaseException, *, retriable: bool = True) -> Ending:
    traceback = traceback_text(error, skip_frames_of=_OURS)
    return Ending(
        state="error",
        data=_packed_error(error),
        kind=error_type(error),
        text=error_text(error),
        traceback=traceback,
        retriable=retriable and isinstance(error, Exception),
    )


def _packed_error(error: BaseException) -> bytes | None:
    """Return the exception as bytes, None when it cannot be sent and read again."""
    try:
        packed = pack_value(error, "an exception")
        again = pickle.loads(packed)
    except BaseException:  # noqa: BLE001 - a foreign __reduce__ or __init__
        return None
    return packed if isinstance(again, BaseException) else None


def _never(_: TaskHandle) -> None:
    """Stands for the function until it is unpacked."""
