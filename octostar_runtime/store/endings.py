"""How runs and sessions end when their node is gone."""

from dataclasses import replace

from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import EndReason, SessionRecord, SessionState


def lost_run(record: RunRecord, at: float, because: str) -> RunRecord:
    """Return ``record`` as it ends when its node is gone."""
    started = record.started_at
    return replace(
        record,
        state=RunState.LOST,
        seq=record.seq + 1,
        ended_at=at,
        run_s=None if started is None else max(0.0, at - started),
        error_type="NodeLost",
        error=because,
        stuck=False,
        timeline=(*record.timeline, (RunState.LOST, at)),
    )


def lost_session(record: SessionRecord, at: float, reason: EndReason) -> SessionRecord:
    """Return ``record`` as it ends with its node."""
    return replace(record, state=SessionState.ENDED, seq=record.seq + 1, ended_at=at, end_reason=reason, running=False)
