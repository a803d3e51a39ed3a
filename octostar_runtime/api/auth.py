"""Who calls, how often they may, and whether a browser's cookie may be used for this."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.concurrency import run_in_threadpool

from octostar_runtime.access import COOKIE_NAME, SAFE_METHODS, same_origin
from octostar_runtime.api.context import Api, api
from octostar_runtime.errors import NotAllowed, NotSignedIn
from octostar_runtime.models.access import ANONYMOUS, Principal, Role
from octostar_runtime.models.runs import RunRecord

#: The scope of a token that may call functions.
CALLS = "functions:call"
# Declared for the documentation; the values are read by Access.
BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="a token made in the console or by command")
COOKIE = APIKeyCookie(name=COOKIE_NAME, auto_error=False, scheme_name="cookie", description="a browser's sign-in")


async def identify(request: Request, api: Annotated[Api, Depends(api)]) -> Principal:
    """Return who calls, ANONYMOUS when nobody; counts the request against the caller's rate."""
    access = api.backend.access
    peer = peer_of(request, api)
    if access.answers_at_once(request.headers):
        principal = access.principal(request.headers, peer)
    else:
        # each unknown secret costs a look into the store: guessing is limited by address
        api.rate.take(f"peer {peer}")
        principal = await run_in_threadpool(access.principal, request.headers, peer)
    api.rate.take(principal.credential_id or (f"peer {peer}" if principal is ANONYMOUS else principal.name))
    refuse_forgery(request, principal)
    request.state.principal = principal
    return principal


def refuse_forgery(request: Request, principal: Principal) -> None:
    """Raise NotAllowed when another site's page makes a browser change something here."""
    ambient = principal is not ANONYMOUS and principal.via != "token"
    if ambient and request.method not in SAFE_METHODS and not same_origin(request.headers):
        raise NotAllowed("this request comes from a page of another site; use a bearer token from programs")


async def signed_in(
    principal: Annotated[Principal, Depends(identify)],
    _bearer: Annotated[object, Security(BEARER)] = None,
    _cookie: Annotated[object, Security(COOKIE)] = None,
) -> Principal:
    """Return who calls; NotSignedIn when nobody does."""
    if principal.role is Role.NOBODY:
        if principal is ANONYMOUS:
            raise NotSignedIn("sign in, or send a token as `Authorization: Bearer …`")
        raise NotAllowed(f"{principal.name} has no role here; an admin can name one in OCTOSTAR_ROLES")
    return principal


def having(role: Role, scope: str) -> Callable[..., object]:
    """Return a dependency that gives the caller when it has ``role`` and, if its token is limited, ``scope``."""

    async def check(principal: Annotated[Principal, Depends(signed_in)]) -> Principal:
        if principal.may(role, scope):
            return principal
        if principal.role >= role:
            raise NotAllowed(f"this token lacks the scope {scope!r}")
        raise NotAllowed(f"{principal.name} is {principal.role.name.lower()}; this needs {role.name.lower()}")

    return check


async def caller_of_functions(principal: Annotated[Principal, Depends(signed_in)]) -> Principal:
    """Return the caller when it may look at everything, or call functions and look at the runs of those calls."""
    if principal.may(Role.VIEWER, "read") or principal.may(Role.VIEWER, CALLS):
        return principal
    raise NotAllowed(f"this token lacks the scope 'read' (or {CALLS!r}, for the runs of its own calls)")


def own_call(principal: Principal, run: RunRecord) -> bool:
    """Whether a run is a call of a function that ``principal`` made."""
    return "api" in run.tags and run.user == principal.name


def check_run(principal: Principal, run: RunRecord) -> None:
    """Raise NotAllowed when a token that is limited to calls asks for a run that is none of its own."""
    if not principal.may(Role.VIEWER, "read") and not own_call(principal, run):
        raise NotAllowed("this token lacks the scope 'read'; it sees the runs of its own calls only")


def peer_of(request: Request, api: Api) -> str:
    """Return the caller's address, as our nginx saw it when it stands between."""
    peer = request.client.host if request.client else ""
    return api.backend.access.proxy.peer(request.headers, peer)


#: Somebody signed in; ``operations`` checks the role of what they ask for.
Caller = Annotated[Principal, Depends(signed_in)]
#: Somebody who may look.
Reader = Annotated[Principal, Depends(having(Role.VIEWER, "read"))]
#: Somebody who may look, if only at the runs of their own calls; see ``check_run``.
CallReader = Annotated[Principal, Depends(caller_of_functions)]
#: Somebody who may know of metrics.
Scraper = Annotated[Principal, Depends(having(Role.VIEWER, "metrics"))]
