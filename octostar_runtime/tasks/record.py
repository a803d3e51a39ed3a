"""Records of runs: the frozen picture of a run that everybody else gets. Made under the manager's lock."""

from octostar_runtime.models.runs import CancelOutcome, CancelRecord, RunRecord, RunState
from octostar_runtime.tasks.book import REPLAYABLE
from octostar_runtime.tasks.cpu_meter import AS_LONG
from octostar_runtime.tasks.describe import short_name
from octostar_runtime.tasks.kept_result import KeptResult
from octostar_runtime.tasks.registry import path_of
from octostar_runtime.tasks.run import CancelRequest, Run, RunExtra

_EMPTY = RunExtra()
_NO_CALL = (
    f"only the newest {REPLAYABLE} ended runs keep their function and arguments for a retry, "
    "and OCTOSTAR_RETAIN_RESULT_MB of them"
)


def record_of(run: Run, node_id: str) -> RunRecord:
    """Return the run frozen at this moment."""
    extra = run.extra if run.extra is not None else _EMPTY
    options = run.options
    offset = run.queued_wall - run.queued_mono
    started, ended, worker, logs = run.started_mono, run.ended_mono, run.worker, run.logs
    fn = run.fn
    path = path_of(fn) if fn is not None else None
    run_s = ended - started if started is not None and ended is not None else None
    return RunRecord(
        run_id=run.run_id,
        task_id=str(run.task_id),
        name=short_name(run.name),
        pool=run.pool.name,
        node_id=node_id,
        state=run.state,
        seq=run.seq + (logs.count if logs is not None else 0),
        queued_at=run.queued_wall,
        session_id=run.session_id,
        user=run.user,
        priority=options.priority,
        attempt=run.attempt,
        max_attempts=options.max_attempts,
        tags=options.tags,
        started_at=started + offset if started is not None else None,
        ended_at=ended + offset if ended is not None else None,
        wait_s=max(0.0, started - run.ready_mono) if started is not None else None,
        run_s=run_s,
        cpu_s=run.cpu_s if run.cpu_s != AS_LONG else run_s,
        timeout_s=options.timeout_s,
        on_session_end=options.on_session_end,
        progress=extra.progress,
        done=extra.done,
        total=extra.total,
        message=extra.message,
        cancel=_cancel_record(extra.cancel) if extra.cancel is not None else None,
        superseded_by=extra.superseded_by,
        retry_of=extra.retry_of,
        error_type=extra.error_type,
        error=extra.error,
        traceback=extra.traceback,
        arguments=extra.arguments,
        function=path,
        retriable=fn is not None,
        portable=extra.portable is not None,
        not_retriable_because=_why_not(path, extra) if fn is not None else _NO_CALL,
        hard_stopped=extra.hard_stopped,
        stuck=extra.stuck,
        orphaned=extra.orphaned,
        worker=extra.executor or (worker if worker is None or isinstance(worker, str) else worker.name),
        elsewhere=extra.elsewhere,
        result_bytes=_result_bytes(run),
        result_expired=run.result_bytes == -1,
        logs=tuple(logs.lines.copy()) if logs is not None else (),
        logs_dropped=logs.dropped if logs is not None else 0,
        timeline=_timeline(run, extra, offset),
    )


def _result_bytes(run: Run) -> int | None:
    if isinstance(run.data, KeptResult):
        return run.data.bytes
    return run.result_bytes if run.result_bytes is not None and run.result_bytes >= 0 else None


def _why_not(path: str | None, extra: RunExtra) -> str | None:
    """Return why no other node could run it, None when one could."""
    if extra.portable is not None:
        return None
    if path is None:
        return "only its own node can: the function is not registered with @task"
    return extra.not_retriable or "only its own node can: the arguments are not plain JSON values"


def _timeline(run: Run, extra: RunExtra, offset: float) -> tuple[tuple[RunState, float], ...]:
    if extra.history is not None:
        return tuple((state, at + offset) for state, at in extra.history)
    steps = [(RunState.QUEUED, run.queued_wall)]
    if run.started_mono is not None:
        steps.append((RunState.RUNNING, run.started_mono + offset))
    if run.ended_mono is not None:
        steps.append((run.state, run.ended_mono + offset))
    return tuple(steps)


def _cancel_record(cancel: CancelRequest) -> CancelRecord:
    acknowledged, stopped = cancel.acknowledged_mono, cancel.stopped_mono
    if cancel.ignored:
        outcome = CancelOutcome.IGNORED
    elif stopped is not None:
        outcome = CancelOutcome.STOPPED
    else:
        outcome = CancelOutcome.REQUESTED if acknowledged is None else CancelOutcome.ACKNOWLEDGED
    return CancelRecord(
        requested_at=cancel.at_wall,
        by=cancel.by,
        reason=cancel.reason,
        outcome=outcome,
        acknowledged_after_s=acknowledged - cancel.at_mono if acknowledged is not None else None,
        stopped_after_s=stopped - cancel.at_mono if stopped is not None else None,
    )
