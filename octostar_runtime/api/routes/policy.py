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
from octostar_runtime.idle import Policy
from octostar_runtime.models.access import Role

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
