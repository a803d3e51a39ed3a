"""A run made of its record: one that another process has sent to a cluster, and that goes on there without it."""

import contextvars
from typing import TYPE_CHECKING

from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.tasks.capture import LogBuffer
from octostar_runtime.tasks.run import CancelRequest, Run, RunOptions

if TYPE_CHECKING:
    from octostar_runtime.tasks.handle import TaskHandle
    from octostar_runtime.tasks.pool import Pool


def taken_over(record: RunRecord, pool: "Pool", now: float, wall: float) -> Run:
    """Return the run as it goes on here. Its function is not here, so it can be followed and stopped, not repeated."""
    offset = now - wall
    run = Run(
        record.task_id,
        ("octostar:taken over", record.run_id),  # whose ids it was given under is not known here
        record.name,
        _elsewhere,
        None,
        contextvars.Context(),
        pool,
        record.session_id,
        record.user,
        RunOptions(
            priority=record.priority,
            timeout_s=record.timeout_s,
            max_attempts=record.attempt,
            on_session_end=record.on_session_end,
            tags=record.tags,
        ),
        record.queued_at + offset,
        record.queued_at,
        False,
    )
    run.fn = None
    run.run_id = record.run_id
    run.attempt = record.attempt
    run.seq = record.seq + 2
    run.state = RunState.CANCELLING if record.cancel is not None else RunState.RUNNING
    run.started_mono = record.started_at + offset if record.started_at is not None else now
    run.ready_mono = run.started_mono - (record.wait_s or 0.0)
    _fill(run, record, now, offset)
    return run


def _fill(run: Run, record: RunRecord, now: float, offset: float) -> None:
    extra = run.more()
    extra.taken_over = True
    extra.elsewhere, extra.executor = record.elsewhere, record.worker
    extra.arguments, extra.retry_of = record.arguments, record.retry_of
    extra.progress, extra.done, extra.total, extra.message = record.progress, record.done, record.total, record.message
    extra.history = [(state, at + offset) for state, at in record.timeline]
    if record.cancel is not None:
        extra.cancel = CancelRequest(
            at_wall=record.cancel.requested_at,
            at_mono=record.cancel.requested_at + offset,
            by=record.cancel.by,
            reason=record.cancel.reason,
        )
    if record.logs:
        run.logs = LogBuffer()
        run.logs.lines.extend(record.logs)
        run.logs.count = len(record.logs) + record.logs_dropped


def _elsewhere(_: "TaskHandle") -> None:
    """Stands for the function, which is not here."""
