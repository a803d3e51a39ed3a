"""The idle policy: read it, save it with the version you saw."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from octostar_runtime.api.auth import Caller, Reader
from octostar_runtime.api.conditional import names
from octostar_runtime.api.context import Runtime
from octostar_runtime.api.lists import reply
from octostar_runtime.api.schemas import Body, Reason, Whole
from octostar_runtime.errors import VersionConflict
from octostar_runtime.idle import Policy, parse_policy
from octostar_runtime.idle.whatif import Replay
from octostar_runtime.models.access import Role
from octostar_runtime.runtime.usage import recorded_usage, replayed

router = APIRouter(prefix="/api/policy", tags=["policy"])
NAME = "idle"


class PolicyDocument(BaseModel):
    """The policy and its version; 0 while nobody has saved one and the defaults hold."""

    version: int
    policy: Policy


class PolicyChange(Body):
    """A new policy, and the version it replaces."""

    version: Whole = Field(ge=0, description="the version you edited; refused when somebody saved since")
    policy: dict[str, Any] = Field(description="the whole document; what is left out gets its default")
    reason: Reason = ""


class PolicyVersion(BaseModel):
    """One saved version."""

    version: int
    saved_at: float
    actor: str | None
    policy: dict[str, Any]


class WhatIf(Body):
    """A policy to try on what was recorded."""

    policy: dict[str, Any] | None = Field(default=None, description="the document to try; null: the one in force")
    days: float = Field(default=7.0, gt=0, le=90, description="how far back")


class ServiceOutcome(BaseModel):
    """What that policy would have done with one service. `hours_*` are hours, `*_s` seconds."""

    service: str
    hours_stopped: float
    gib_hours_saved: float
    stops: int
    wakes: int
    people_who_waited: int
    mean_wait_s: float
    longest_wait_s: float
    stops_that_hit_work: int = Field(description="must be 0")


class WhatIfAnswer(BaseModel):
    """The replay of one policy."""

    hours: float
    sessions: int
    runs: int
    complete: bool = Field(description="false: more was recorded than is replayed; the newest count")
    outcomes: list[ServiceOutcome]


@router.post("/what-if", summary="Try a policy on the recorded use", responses={422: {}})
def try_policy(runtime: Runtime, caller: Reader, body: WhatIf) -> WhatIfAnswer:
    """Replay a policy over the recorded sessions and runs: what it would have saved, and who would have waited."""
    policy = _current(runtime)[0] if body.policy is None else parse_policy(body.policy)
    until = runtime.clock.time()
    usage = recorded_usage(runtime.store, since=until - body.days * 86_400, until=until)
    snapshot, events = runtime.fleet.snapshot, runtime.store.events
    services = [replayed(service, snapshot, events) for service in snapshot.services if service.kind != "container"]
    outcomes = Replay(usage.history).run(policy, services)
    return WhatIfAnswer(
        hours=body.days * 24,
        sessions=len(usage.history.stays),
        runs=len(usage.history.works),
        complete=usage.complete,
        outcomes=[ServiceOutcome.model_validate(one, from_attributes=True) for one in outcomes],
    )


@router.get("", summary="Read the idle policy", response_model=PolicyDocument, responses={304: {}})
def get_policy(runtime: Runtime, caller: Reader) -> Response:
    """Return the policy in force. The ETag is its version, for `If-None-Match` here and `If-Match` on saving."""
    policy, version = _current(runtime)
    tag = {"ETag": f'"{version}"', "Cache-Control": "no-cache"}
    return reply(PolicyDocument, PolicyDocument(version=version, policy=policy), headers=tag)


@router.put("", summary="Save the idle policy", response_model=PolicyDocument, responses={409: {}, 412: {}})
def put_policy(
    runtime: Runtime,
    caller: Caller,
    body: PolicyChange,
    if_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Save a policy in place of `version`; 409 when somebody else saved first, 422 with the fields that are wrong.

    A client may also send `If-Match` with the ETag it got; 412 when that is not the version now stored.
    """
    _, current = _current(runtime)
    if if_match is not None and not names(if_match, f'"{current}"'):
        raise HTTPException(412, f"the policy is at version {current} now", {"ETag": f'"{current}"'})
    if caller.may(Role.OPERATOR, "policy:write") and body.version != current:
        raise VersionConflict(
            f"the policy is at version {current} now, not {body.version}; read it again", current=current
        )
    version = runtime.operations.save_policy(body.policy, body.version, by=caller, reason=body.reason)
    saved, _ = _current(runtime)
    return reply(PolicyDocument, PolicyDocument(version=version, policy=saved), headers={"ETag": f'"{version}"'})


@router.get("/history", summary="Saved versions of the policy")
def get_history(
    runtime: Runtime, caller: Reader, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[PolicyVersion]:
    """Return the saved versions, newest first, with who saved them and when."""
    history = runtime.store.documents.history(NAME, limit=limit)
    return [
        PolicyVersion(version=version, saved_at=at, actor=actor, policy=dict(doc))
        for version, at, actor, doc in history
    ]


def _current(runtime: Runtime) -> tuple[Policy, int]:
    loaded = runtime.store.documents.load(NAME)
    if loaded is None:
        return Policy(), 0
    doc, version = loaded
    return Policy.model_validate(dict(doc)), version
