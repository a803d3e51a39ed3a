"""Sessions: list, look into, end, stop, rerun, message."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from octostar_runtime.api.auth import Caller, Reader
from octostar_runtime.api.context import Runtime, View
from octostar_runtime.api.lists import Cursor, Limit, Page, page_of, reply
from octostar_runtime.api.schemas import MessageBody, MessagesBody, MessageToAll, Outcomes, ReasonBody, SessionsBody
from octostar_runtime.api.searches import lean
from octostar_runtime.errors import InvalidTransition, SessionNotFound
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import Notice, SessionRecord, SessionState

router = APIRouter(prefix="/api/sessions", tags=["sessions"])

SessionId = Annotated[str, Path(min_length=1, max_length=100, description="id of the session")]


class SessionDetail(BaseModel):
    """A session and what it runs."""

    session: SessionRecord
    runs: list[RunRecord] = Field(description="its live and newest ended runs")


class SessionMemory(BaseModel):
    """What a session's state holds."""

    session_id: str
    bytes: int = Field(description="approximate; freed memory is not given back to the system at once")


@router.get("", summary="List sessions", response_model=Page[SessionRecord], responses={404: {}})
def list_sessions(
    runtime: Runtime,
    view: View,
    caller: Reader,
    state: SessionState | None = None,
    observers: Annotated[bool | None, Query(description="only observers (true) or only people (false)")] = None,
    user: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the sessions of all nodes, the latest to connect first."""
    snapshot = runtime.fleet.snapshot
    seen = [view.session(session, caller) for session in snapshot.sessions]
    kept = [
        session
        for session in seen
        if (state is None or session.state.value == state.value)
        and (observers is None or session.observer is observers)
        and (user is None or session.user == user)
    ]
    kept.sort(key=lambda session: (session.connected_at, session.session_id), reverse=True)
    page = page_of(kept, key=lambda s: s.session_id, cursor=cursor, limit=limit, taken_at=snapshot.taken_at)
    return reply(Page[SessionRecord], page)


@router.post("/end", summary="End sessions")
def end_sessions(runtime: Runtime, caller: Caller, body: SessionsBody) -> Outcomes:
    """End the named sessions; their browsers say that an operator did it."""
    return Outcomes.of(runtime.operations.end_sessions(body.session_ids, by=caller, reason=body.reason))


@router.post("/stop", summary="Stop scripts")
def stop_scripts(runtime: Runtime, caller: Caller, body: SessionsBody) -> Outcomes:
    """Stop the script that runs in each session, at its next st.* call."""
    return Outcomes.of(runtime.operations.stop_scripts(body.session_ids, by=caller, reason=body.reason))


@router.post("/rerun", summary="Rerun scripts")
def rerun_sessions(runtime: Runtime, caller: Caller, body: SessionsBody) -> Outcomes:
    """Run each session's script again; page, URL and typed text stay."""
    return Outcomes.of(runtime.operations.rerun_sessions(body.session_ids, by=caller, reason=body.reason))


@router.post("/message", summary="Message sessions", responses={409: {}})
def message_sessions(runtime: Runtime, caller: Caller, body: MessagesBody) -> Outcomes:
    """Show a message in the named sessions, in all live ones when none is named.

    With `lasting_s` whoever comes in that time sees it, too, until it is withdrawn.
    """
    lasting_s = body.lasting_s if isinstance(body, MessageToAll) else 0.0
    outcomes = runtime.operations.message_sessions(
        body.session_ids, body.text, body.level, by=caller, reason=body.reason, lasting_s=lasting_s
    )
    return Outcomes.of(outcomes)


@router.get("/notices", summary="Lasting messages")
def list_notices(runtime: Runtime, caller: Reader) -> list[Notice]:
    """List the messages that whoever comes is shown, the oldest first."""
    return list(runtime.notices.all())


@router.delete("/notices/{notice_id}", status_code=204, summary="Withdraw a lasting message", responses={404: {}})
def withdraw_notice(
    runtime: Runtime,
    caller: Caller,
    notice_id: Annotated[str, Path(min_length=1, max_length=100)],
    reason: Annotated[str, Query(max_length=500)] = "",
) -> None:
    """Take a lasting message back before it runs out, also from the pages that show it."""
    runtime.operations.withdraw_notice(notice_id, by=caller, reason=reason)


@router.get("/{session_id}", summary="One session", response_model=SessionDetail, responses={404: {}})
def get_session(runtime: Runtime, view: View, caller: Reader, session_id: SessionId) -> Response:
    """Return a session and its runs."""
    session = _session(runtime, session_id)
    runs = [lean(view.run(run, caller)) for run in runtime.fleet.snapshot.runs if run.session_id == session_id]
    detail = SessionDetail.model_construct(session=view.session(session, caller), runs=runs[:500])
    return reply(SessionDetail, detail, tagged=True)


@router.get("/{session_id}/memory", summary="Memory of a session", responses={404: {}, 409: {}})
def get_memory(runtime: Runtime, caller: Reader, session_id: SessionId) -> SessionMemory:
    """Measure what the session's state holds; may take a moment on a large one."""
    _live(runtime, session_id)
    measured = runtime.operations.session_memory(session_id, by=caller)
    return SessionMemory(session_id=session_id, bytes=measured)


@router.post("/{session_id}/end", summary="End a session", responses={404: {}, 409: {}})
def end_session(runtime: Runtime, caller: Caller, session_id: SessionId, body: ReasonBody | None = None) -> Outcome:
    """End one session; its browser says that an operator did it."""
    _session(runtime, session_id)
    return _single(runtime.operations.end_sessions([session_id], by=caller, reason=body.reason if body else ""))


@router.post("/{session_id}/stop", summary="Stop a script", responses={404: {}, 409: {}})
def stop_script(runtime: Runtime, caller: Caller, session_id: SessionId, body: ReasonBody | None = None) -> Outcome:
    """Stop the script that runs in the session, at its next st.* call."""
    _session(runtime, session_id)
    return _single(runtime.operations.stop_scripts([session_id], by=caller, reason=body.reason if body else ""))


@router.post("/{session_id}/rerun", summary="Rerun a script", responses={404: {}, 409: {}})
def rerun_session(runtime: Runtime, caller: Caller, session_id: SessionId, body: ReasonBody | None = None) -> Outcome:
    """Run the session's script again; page, URL and typed text stay."""
    _session(runtime, session_id)
    return _single(runtime.operations.rerun_sessions([session_id], by=caller, reason=body.reason if body else ""))


@router.post("/{session_id}/message", summary="Message a session", responses={404: {}, 409: {}})
def message_session(runtime: Runtime, caller: Caller, session_id: SessionId, body: MessageBody) -> Outcome:
    """Show a message in one session."""
    _session(runtime, session_id)
    outcomes = runtime.operations.message_sessions([session_id], body.text, body.level, by=caller, reason=body.reason)
    return _single(outcomes)


def _session(runtime: Runtime, session_id: str) -> SessionRecord:
    for session in runtime.fleet.snapshot.sessions:
        if session.session_id == session_id:
            return session
    raise SessionNotFound("no session of that id is kept")


def _live(runtime: Runtime, session_id: str) -> None:
    if _session(runtime, session_id).state.value == SessionState.ENDED.value:
        raise InvalidTransition("the session has ended")


def _single(outcomes: tuple[Outcome, ...]) -> Outcome:
    if not outcomes[0].ok:
        raise InvalidTransition(outcomes[0].detail)
    return outcomes[0]
