"""Tokens for programs, and the sign-ins of people."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from octostar_runtime.access import SCOPES
from octostar_runtime.api.auth import Caller
from octostar_runtime.api.context import Runtime
from octostar_runtime.api.schemas import Body, Whole, Words
from octostar_runtime.models.access import Credential, Role

router = APIRouter(prefix="/api", tags=["tokens and sign-ins"])

Id = Annotated[str, Path(min_length=1, max_length=100)]
Why = Annotated[str, Query(max_length=500, description="why; kept in the audit log")]


class TokenInfo(BaseModel):
    """A token without its secret."""

    token_id: str
    label: str
    subject: str = Field(description="whose token it is")
    role: str
    scopes: list[str]
    created_at: float
    expires_at: float
    last_used_at: float | None


def _known(scope: str) -> str:
    if scope not in SCOPES:
        raise ValueError(f"no scope is called {scope!r}; there are: {', '.join(SCOPES)}")
    return scope


Scope = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(SCOPES)})]


class NewToken(Body):
    """What a token shall be for."""

    label: Annotated[Words, Field(max_length=100)]
    role: str = Field("viewer", pattern="^(viewer|operator|admin)$", description="at most your own")
    scopes: list[Scope] = Field(
        default_factory=list, max_length=len(SCOPES), description="empty: whatever the role allows"
    )
    days: Whole = Field(30, ge=1, le=366)


class MadeToken(BaseModel):
    """A fresh token; the secret is shown this once."""

    token: str
    info: TokenInfo


class SignInInfo(BaseModel):
    """Somebody who is signed in with a browser."""

    sign_in_id: str
    name: str
    role: str
    via: str
    created_at: float
    expires_at: float


class NewLink(Body):
    """For whom a sign-in link shall be."""

    name: Annotated[Words, Field(max_length=100)]
    role: str = Field("viewer", pattern="^(viewer|operator|admin)$")
    minutes: Whole = Field(15, ge=1, le=1440)


class MadeLink(BaseModel):
    """A one-use sign-in link; shown this once."""

    path: str = Field(description="to be put behind the address of the service")


@router.get("/tokens", summary="List tokens")
def list_tokens(runtime: Runtime, caller: Caller) -> list[TokenInfo]:
    """List the tokens in force, newest first: all of them for an admin, one's own for others."""
    return [_token(token) for token in runtime.access.tokens(by=caller)]


@router.post("/tokens", status_code=201, summary="Make a token", responses={409: {}})
def make_token(runtime: Runtime, caller: Caller, body: NewToken) -> MadeToken:
    """Make a token for yourself, with your role or a lower one. Its secret is not kept and not shown again."""
    issued = runtime.access.make_token(
        label=body.label, role=Role.named(body.role), scopes=body.scopes, ttl_s=body.days * 86_400.0, by=caller
    )
    return MadeToken(token=issued.secret, info=_token(issued.credential))


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke a token", responses={404: {}, 409: {}})
def revoke_token(runtime: Runtime, caller: Caller, token_id: Id, reason: Why = "") -> Response:
    """Make a token worthless, within 2 s on every node."""
    runtime.access.revoke_token(token_id, by=caller, reason=reason)
    return Response(status_code=204)


@router.get("/sign-ins", summary="List sign-ins")
def list_sign_ins(runtime: Runtime, caller: Caller) -> list[SignInInfo]:
    """List who is signed in with a browser: everybody for an admin, oneself for others."""
    return [
        SignInInfo(
            sign_in_id=found.credential_id,
            name=found.subject,
            role=found.role.name.lower(),
            via=found.via,
            created_at=found.created_at,
            expires_at=found.expires_at,
        )
        for found in runtime.access.sign_ins(by=caller)
    ]


@router.delete("/sign-ins/{sign_in_id}", status_code=204, summary="Sign somebody out", responses={404: {}})
def end_sign_in(runtime: Runtime, caller: Caller, sign_in_id: Id, reason: Why = "") -> Response:
    """End a sign-in, within 2 s on every node."""
    runtime.access.end_sign_in(sign_in_id, by=caller, reason=reason)
    return Response(status_code=204)


@router.post("/sign-in-links", status_code=201, summary="Make a sign-in link")
def make_link(runtime: Runtime, caller: Caller, body: NewLink) -> MadeLink:
    """Make a one-use link with which somebody else can sign in. Only admins may."""
    secret = runtime.access.make_link(name=body.name, role=Role.named(body.role), ttl_s=body.minutes * 60.0, by=caller)
    return MadeLink(path=f"{runtime.settings.base_path}/api/sign-in?link={secret}")


def _token(token: Credential) -> TokenInfo:
    return TokenInfo(
        token_id=token.credential_id,
        label=token.label,
        subject=token.subject,
        role=token.role.name.lower(),
        scopes=sorted(token.scopes),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )
