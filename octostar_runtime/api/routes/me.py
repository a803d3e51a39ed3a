"""Who the caller is."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from octostar_runtime.access import SCOPES
from octostar_runtime.api.auth import Caller
from octostar_runtime.models.access import Role

router = APIRouter(tags=["sign-in"])


class Me(BaseModel):
    """The caller."""

    name: str
    role: str
    via: str = Field(description="how: link, password, oidc, proxy or token")
    scopes: list[str] = Field(description="what a limited token may do; empty: whatever the role allows")
    can_operate: bool
    can_administer: bool


@router.get("/api/me", summary="Who am I?")
async def me(caller: Caller) -> Me:
    """Tell who is signed in and what they may do."""
    return Me(
        name=caller.name,
        role=caller.role.name.lower(),
        via=caller.via,
        scopes=[scope for scope in SCOPES if scope in caller.scopes],
        can_operate=caller.role >= Role.OPERATOR,
        can_administer=caller.role >= Role.ADMIN,
    )
