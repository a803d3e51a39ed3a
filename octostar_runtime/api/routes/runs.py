"""Runs: list, look into, cancel, retry."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from octostar_runtime.api.auth import CALLS, Caller, CallReader, Reader, check_run, own_call
from octostar_runtime.api.backend import Backend
from octostar_runtime.api.context import Runtime, View
from octostar_runtime.api.lists import Cursor, Limit, Page, reply, unknown_cursor
from octostar_runtime.api.results import ResultAnswer, result_of
from octostar_runtime.api.schemas import Outcomes, ReasonBody, RunsBody, RunsByIds
from octostar_runtime.api.searches import QUERY_PATTERN, Sort, lean
from octostar_runtime.errors import InvalidInput, InvalidTransition, TaskNotFound
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.operations.runs import SCOPE as WRITE
from octostar_runtime.query import parse

router = APIRouter(prefix="/api/runs", tags=["runs"])

RunId = Annotated[str, Path(min_length=1, max_length=64, description="id of the run")]
Search = Annotated[
    str,
    Query(
        max_length=1000,
        description="search in the console's query language, e.g. `state:failed name:report* -pool:gpu older:5m`",
        json_schema_extra={"pattern": QUERY_PATTERN},
    ),
]


class Stack(BaseModel):
    """Where a run is now."""

    run_id: str
    stack: str


@router.get("", summary="List runs", response_model=Page[RunRecord], responses={404: {}})
def list_runs(
    runtime: Runtime,
    view: View,
    caller: Reader,
    q: Search = "",
    sort: Sort = "-queued_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List runs of every node, newest first unless sorted otherwise. Items leave out traceback, logs and timeline."""
    parse(q)
    view.check_search(q, caller)
    try:
        found = runtime.store.runs.find(q, limit=limit, sort=sort, after=cursor)
    except InvalidInput:
        if cursor is None:
            raise
        raise unknown_cursor() from None
    items = [lean(view.run(run, caller)) for run in found.runs]
    page = Page[RunRecord].model_construct(
        items=items, total=found.total, next=found.next, taken_at=runtime.clock.time()
    )
    return reply(Page[RunRecord], page)


@router.post("/cancel", summary="Cancel runs, named or all that match", responses={409: {}})
def cancel_runs(runtime: Runtime, caller: Caller, body: RunsBody) -> Outcomes:
    """Ask runs to stop. With `q` every live run that matches, refused when it is not `expected` runs any more."""
    if isinstance(body, RunsByIds):
        return Outcomes.of(runtime.operations.cancel_runs(body.run_ids, by=caller, reason=body.reason))
    outcomes = runtime.operations.cancel_matching(body.q, body.expected, by=caller, reason=body.reason)
    return Outcomes.of(outcomes)


@router.post("/retry", summary="Retry runs, named or all that match", responses={409: {}})
def retry_runs(runtime: Runtime, caller: Caller, body: RunsBody) -> Outcomes:
    """Run ended runs again with the same arguments; the detail of a good outcome is the new run's id."""
    if isinstance(body, RunsByIds):
        return Outcomes.of(runtime.operations.retry_runs(body.run_ids, by=caller, reason=body.reason))
    outcomes = runtime.operations.retry_matching(body.q, body.expected, by=caller, reason=body.reason)
    return Outcomes.of(outcomes)


@router.get("/{run_id}", summary="One run", response_model=RunRecord, responses={404: {}})
def get_run(runtime: Runtime, view: View, caller: CallReader, run_id: RunId) -> Response:
    """Return everything known of a run: states with times, progress, cancel, error, traceback, logs."""
    run = _run(runtime, run_id, caller)
    return reply(RunRecord, run if own_call(caller, run) else view.run(run, caller), tagged=True)


@router.get(
    "/{run_id}/result",
    summary="Result, so far or final",
    responses={202: {"model": ResultAnswer}, 404: {}, 409: {}, 410: {}},
)
def get_result(runtime: Runtime, caller: CallReader, run_id: RunId, response: Response) -> ResultAnswer:
    """Return what the run has given: 200 final, 202 so far; 409 when it failed or is kept elsewhere, 410 expired."""
    record = _run(runtime, run_id, caller)
    answer = result_of(runtime, record)
    response.status_code = 200 if answer.final else 202
    return answer


@router.get("/{run_id}/stack", summary="Live stack", responses={404: {}, 502: {}})
def get_stack(runtime: Runtime, caller: Reader, run_id: RunId) -> Stack:
    """Return the frames of the thread that runs it now, innermost last; empty when it does not run."""
    return Stack(run_id=run_id, stack=runtime.operations.run_stack(run_id, by=caller))


@router.post("/{run_id}/cancel", summary="Cancel a run", responses={404: {}, 409: {}})
def cancel_run(runtime: Runtime, caller: Caller, run_id: RunId, body: ReasonBody | None = None) -> Outcome:
    """Ask a run to stop; a queued one is cancelled at once. Who may call a function may cancel a call of their own."""
    reason = body.reason if body else ""
    by = _caller_in_own_affairs(runtime, run_id, caller)
    return _single(runtime, run_id, runtime.operations.cancel_runs([run_id], by=by, reason=reason))


@router.post("/{run_id}/hard-stop", summary="Stop a run by force", responses={404: {}, 409: {}})
def hard_stop_run(runtime: Runtime, caller: Caller, run_id: RunId, body: ReasonBody | None = None) -> Outcome:
    """Raise an exception in the thread of a run that does not heed its cancel."""
    outcome = runtime.operations.hard_stop_run(run_id, by=caller, reason=body.reason if body else "")
    return _single(runtime, run_id, (outcome,))


@router.post("/{run_id}/retry", summary="Retry a run", responses={404: {}, 409: {}})
def retry_run(runtime: Runtime, caller: Caller, run_id: RunId, body: ReasonBody | None = None) -> Outcome:
    """Run an ended run again with the same arguments; `detail` is the new run's id."""
    reason = body.reason if body else ""
    return _single(runtime, run_id, runtime.operations.retry_runs([run_id], by=caller, reason=reason))


def _run(runtime: Backend, run_id: str, caller: Principal) -> RunRecord:
    """Return the run: from memory when it is this node's, fresher than the archive can be."""
    try:
        run = runtime.tasks.run(run_id)
    except TaskNotFound:
        # who is limited to calls is allowed to look it up, and held to its own below
        run = runtime.operations.run_detail(run_id, by=replace(caller, scopes=frozenset()))
    check_run(caller, run)
    return run


def _caller_in_own_affairs(runtime: Backend, run_id: str, caller: Principal) -> Principal:
    """Return the caller, with the right to act upon a run when that is a call that they made themselves."""
    if caller.may(Role.VIEWER, WRITE) or not caller.may(Role.VIEWER, CALLS):
        return caller
    return (
        replace(caller, scopes=caller.scopes | {WRITE}) if own_call(caller, _run(runtime, run_id, caller)) else caller
    )


def _single(runtime: Backend, run_id: str, outcomes: tuple[Outcome, ...]) -> Outcome:
    """Return the one outcome; a refusal becomes 404 when nobody knows the run, else 409."""
    outcome = outcomes[0]
    if outcome.ok:
        return outcome
    if runtime.store.runs.get(run_id) is None:
        raise TaskNotFound(f"no run {run_id!r} is kept; it may have been pruned")
    raise InvalidTransition(outcome.detail)
