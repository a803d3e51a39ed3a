"""The parent's side of one attempt of a run: news become the run's progress, lines and partial results."""

import contextlib
from typing import Any

from octostar_runtime.errors import CancelledError, RemoteError
from octostar_runtime.tasks.capture import keep_line
from octostar_runtime.tasks.engine import Reported
from octostar_runtime.tasks.engines.remote.messages import Assignment, Ending, News
from octostar_runtime.tasks.engines.remote.packing import portable, unpack_value
from octostar_runtime.tasks.handle import UNCHANGED, TaskHandle
from octostar_runtime.tasks.run import Run
from octostar_runtime.tasks.worker import Worker

PARTIAL_LIMIT = 32 * 2**20


def assignment_of(run: Run, *, result_limit: int, partial_limit: int = PARTIAL_LIMIT) -> Assignment:
    """Return the present attempt of a run as the child needs it."""
    packed = run.more().packed
    assert packed is not None  # made at submit(), see TaskManager
    return Assignment(
        run_id=run.run_id,
        attempt=run.attempt,
        task_id=run.task_id if type(run.task_id) is str or portable(run.task_id) else str(run.task_id),
        name=run.name,
        session_id=run.session_id,
        user=run.user,
        call=packed,
        result_limit=result_limit,
        partial_limit=partial_limit,
    )


class Receiver:
    """Applies news to a run; news of another attempt, or after ``close``, are dropped. Never raises."""

    def __init__(self, run: Run, handle: TaskHandle) -> None:
        self._run = run
        self._attempt = run.attempt
        self._lifecycle: Any = handle._lifecycle
        self._closed = False

    def close(self) -> None:
        """Hear nothing more."""
        self._closed = True

    def apply(self, news: News) -> None:
        """Let the run, and whoever watches it, know."""
        run = self._run
        if self._closed or news.run_id != run.run_id or news.attempt != self._attempt:
            return
        for at, level, logger, text in news.lines:
            keep_line(run, at=at, level=level, logger=logger, text=text)
        if news.lines_dropped and run.logs is not None:
            run.logs.count += news.lines_dropped
        if news.step is not None or news.partial is not None:
            progress, done, total, message = news.step or (None, None, None, None)
            data = UNCHANGED
            if news.partial is not None:
                with contextlib.suppress(Exception):  # a type that this process does not know
                    data = unpack_value(news.partial)
            self._lifecycle.hear(run, data=data, progress=progress, done=done, total=total, message=message)
        if news.stop_reason is not None:
            self._lifecycle.cancel(run, reason=news.stop_reason, by=None)
        if news.acknowledged:
            self._lifecycle.acknowledge(run, raised=news.raised)


def settle(run: Run, ending: Ending) -> Any:
    """Return the result that an ending brings, or raise what it tells; counts the CPU seconds for the run."""
    if isinstance(run.worker, Worker):
        run.worker.count_cpu(ending.cpu_s)
    if ending.state == "cancelled":
        raise CancelledError(f"task {run.task_id!r} was asked to stop")
    if ending.state == "success":
        return _read(run, ending.data) if ending.data is not None else None
    error: BaseException | None = None
    if ending.data is not None:
        with contextlib.suppress(Exception):
            error = unpack_value(ending.data)
    raise Reported(
        error if isinstance(error, BaseException) else RemoteError(ending.text, kind=ending.kind),
        kind=ending.kind,
        text=ending.text,
        traceback=ending.traceback,
        retriable=ending.retriable,
    )


def _read(run: Run, packed: bytes) -> Any:
    try:
        return unpack_value(packed)
    except Exception as error:
        raise RemoteError(
            f"the result of {run.name!r} cannot be read here: {type(error).__name__}: {error}; return plain data",
            kind=type(error).__name__,
        ) from error
