"""A person's own data."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from octostar_runtime.api.auth import Caller
from octostar_runtime.api.context import Runtime
from octostar_runtime.api.schemas import Body, Reason, Words

router = APIRouter(prefix="/api/people", tags=["people"])


class ErasureBody(Body):
    """Whose data is to be erased."""

    user: Annotated[Words, Field(max_length=200)]
    reason: Reason = ""


class Erasure(BaseModel):
    """What was erased."""

    rows: int


@router.post("/erase", summary="Erase a person's data")
def erase(runtime: Runtime, caller: Caller, body: ErasureBody) -> Erasure:
    """Remove what is personal of one user from the store. Only admins may."""
    return Erasure(rows=runtime.operations.erase_user(body.user, by=caller, reason=body.reason))
