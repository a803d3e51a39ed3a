"""What becomes of a run whose execution has ended, when it was asked to stop, raised, or may try again."""

from typing import Any

from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.run import CancelRequest, Run, RunExtra
from octostar_runtime.tasks.worker import Outcome


def judged(run: Run, outcome: Outcome, now: float, *, may_retry: bool) -> tuple[RunState, Any]:
    """Return the state the run goes to and its data; notes errors and the fate of a cancel request on the run."""
    extra = run.more()
    cancel = extra.cancel
    if outcome.failure is not None:
        failure = outcome.failure
        extra.error_type, extra.error, extra.traceback = failure.kind, failure.text, failure.traceback
    if cancel is None:
        return _unasked(run, extra, outcome, now, may_retry=may_retry)
    cancel.stopped_mono = now
    state = _asked(cancel, outcome, now)
    if cancel.timeout:
        return _timed_out(run, extra, cancel, may_retry=may_retry)
    if state is RunState.CANCELLED and outcome.data is None:
        return state, run.data  # the last partial result stays readable, as in the seed
    return state, outcome.data


def _unasked(run: Run, extra: RunExtra, outcome: Outcome, now: float, *, may_retry: bool) -> tuple[RunState, Any]:
    if outcome.state is RunState.SUCCESS:
        extra.error_type = extra.error = extra.traceback = None  # those of earlier attempts
        return RunState.SUCCESS, outcome.data
    if outcome.state is RunState.CANCELLED:
        extra.cancel = CancelRequest(
            at_wall=run.queued_wall + now - run.queued_mono,
            at_mono=now,
            by=None,
            reason="the task stopped itself",
            acknowledged_mono=now,
            stopped_mono=now,
        )
        return RunState.CANCELLED, run.data
    retriable = outcome.failure is not None and outcome.failure.retriable
    if may_retry and retriable and run.attempt < run.options.max_attempts:
        return RunState.RETRY_WAIT, None
    return outcome.state, outcome.data


def _asked(cancel: CancelRequest, outcome: Outcome, now: float) -> RunState:
    """A task that returns after it has looked at its cancel event has heeded it; one that never looked has not."""
    heeded = cancel.acknowledged_mono is not None and not cancel.raised
    if outcome.state is RunState.CANCELLED:
        cancel.acknowledged_mono = cancel.acknowledged_mono or now
        return RunState.CANCELLED
    if outcome.state is RunState.SUCCESS:
        cancel.ignored = not heeded
        return RunState.CANCELLED if heeded else RunState.SUCCESS
    cancel.ignored = cancel.acknowledged_mono is None
    return outcome.state


def _timed_out(run: Run, extra: RunExtra, cancel: CancelRequest, *, may_retry: bool) -> tuple[RunState, Any]:
    if may_retry and not cancel.final and run.attempt < run.options.max_attempts:
        extra.cancel = extra.cancel_event = None  # the next attempt has its own time
        extra.stuck = False
        return RunState.RETRY_WAIT, None
    text = f"the task {cancel.reason}"
    extra.error_type, extra.error = "TimeoutError", text
    return RunState.TIMED_OUT, TimeoutError(text)
