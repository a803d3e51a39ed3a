"""Signing in and out of a browser. The page works without scripts and without the UI process."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from octostar_runtime.access import (
    SignedIn,
    clear_cookie_header,
    cookie_header,
    cookie_value,
    safe_next,
    same_origin,
    speculative,
)
from octostar_runtime.api.auth import peer_of
from octostar_runtime.api.bodies import body_of, read_body
from octostar_runtime.api.context import Api, Surroundings
from octostar_runtime.api.pages import confirm_page, sign_in_page
from octostar_runtime.api.schemas import Body
from octostar_runtime.errors import NotAllowed, NotSignedIn, OctostarRuntimeError, TooManyAttempts
from octostar_runtime.models.access import ANONYMOUS

router = APIRouter(tags=["sign-in"])
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

NextQuery = Annotated[str | None, Query(max_length=2000, description="path of this app to go to afterwards")]


class Ways(BaseModel):
    """How one can sign in here."""

    signed_in: bool
    ways: list[str] = Field(description="link, password, proxy")


class SignInBody(Body):
    """A proof: the local password, or the secret of a one-use link."""

    password: str = Field("", max_length=1000)
    link: str = Field("", max_length=200)
    next: str = Field("", max_length=2000, description="path of this app to go to afterwards")


class Welcome(BaseModel):
    """Who has signed in."""

    name: str
    role: str
    expires_at: float = Field(description="UTC seconds")


@router.get(
    "/api/sign-in",
    summary="Sign in with a link, or see how",
    response_model=Ways,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}},
        303: {"description": "signed in: the cookie is set, the app is the next stop"},
    },
)
async def follow_link(
    request: Request,
    api: Surroundings,
    link: Annotated[str | None, Query(max_length=200, description="the secret of a one-use link")] = None,
    next: NextQuery = None,
) -> Response:
    """Use up a one-use link, set the sign-in cookie and go to `next`; without a link, tell the ways to sign in.

    A browser that only looks ahead (prefetch, preview) does not use the link up; see decision 60.
    """
    target = safe_next(next, api.backend.settings.base_path)
    wants_page = "text/html" in request.headers.get("accept", "")
    if link is None:
        return await _ways(request, api, target, wants_page)
    if speculative(request.headers) or request.scope.get("octostar_head"):
        return Response(status_code=503, headers={**PRIVATE, "Retry-After": "0"})
    if wants_page and "sec-fetch-mode" not in request.headers:
        # asks for a page but cannot say that a person navigates: perhaps a preview robot. Let a person press a button.
        return HTMLResponse(confirm_page(link, target), headers=PRIVATE)
    try:
        signed_in = await run_in_threadpool(api.backend.access.sign_in_with_link, link, peer_of(request, api))
    except (NotSignedIn, TooManyAttempts) as error:
        if not wants_page:
            raise
        return _page(api, target, error)
    return _enter(request, api, signed_in, RedirectResponse(target, 303))


@router.post(
    "/api/sign-in",
    summary="Sign in with the password or a link",
    response_model=Welcome,
    responses={303: {"description": "signed in from a form: the cookie is set, the app is the next stop"}},
    openapi_extra={"requestBody": body_of(SignInBody, "application/json", "application/x-www-form-urlencoded")},
)
async def sign_in(request: Request, api: Surroundings) -> Response:
    """Exchange the local password, or a one-use link, for the sign-in cookie. Takes JSON or a form."""
    if not same_origin(request.headers):
        raise NotAllowed("sign in from this service's own page")
    body = await read_body(request, SignInBody)
    access, peer = api.backend.access, peer_of(request, api)
    target = safe_next(body.next, api.backend.settings.base_path)
    wants_page = "text/html" in request.headers.get("accept", "")
    exchange, proof = (
        (access.sign_in_with_link, body.link) if body.link else (access.sign_in_with_password, body.password)
    )
    try:
        signed_in = await run_in_threadpool(exchange, proof, peer)
    except (NotSignedIn, TooManyAttempts) as error:
        if not wants_page:
            raise
        return _page(api, target, error)
    who = signed_in.principal
    answer = Welcome(name=who.name, role=who.role.name.lower(), expires_at=signed_in.expires_at)
    response = RedirectResponse(target, 303) if wants_page else JSONResponse(answer.model_dump())
    return _enter(request, api, signed_in, response)


@router.post("/api/sign-out", status_code=204, summary="Sign out", response_class=Response)
async def sign_out(request: Request, api: Surroundings) -> Response:
    """End the sign-in of the cookie that was sent, here and on every node; harmless without one."""
    if not same_origin(request.headers):
        raise NotAllowed("sign out from this service's own page")
    access, settings = api.backend.access, api.backend.settings
    value = cookie_value(request.headers.get("cookie"))
    principal = await run_in_threadpool(access.principal_for_cookie, value)
    if principal is not ANONYMOUS:
        await run_in_threadpool(access.sign_out, principal)
    response = Response(status_code=204, headers=PRIVATE)
    cleared = clear_cookie_header(
        path=settings.base_path, secure=_is_https(request), cross_site=settings.cookie_cross_site
    )
    response.headers.append("Set-Cookie", cleared)
    return response


async def _ways(request: Request, api: Api, target: str, wants_page: bool) -> Response:
    access = api.backend.access
    principal = await run_in_threadpool(access.principal_for_cookie, cookie_value(request.headers.get("cookie")))
    if wants_page:
        if principal is not ANONYMOUS:
            return RedirectResponse(target, 303, headers=PRIVATE)
        return _page(api, target, None)
    ways = Ways(signed_in=principal is not ANONYMOUS, ways=list(access.ways))
    return JSONResponse(ways.model_dump(), headers=PRIVATE)


def _page(api: Api, target: str, error: OctostarRuntimeError | None) -> Response:
    status = 200 if error is None else 429 if isinstance(error, TooManyAttempts) else 401
    action = f"{api.backend.settings.base_path}/api/sign-in"
    page = sign_in_page(api.backend.access.ways, action, target, "" if error is None else str(error))
    return HTMLResponse(page, status, headers=PRIVATE)


def _enter(request: Request, api: Api, signed_in: SignedIn, response: Response) -> Response:
    settings = api.backend.settings
    header = cookie_header(
        signed_in.cookie,
        max_age_s=signed_in.expires_at - api.backend.clock.time(),
        path=settings.base_path,
        secure=_is_https(request),
        cross_site=settings.cookie_cross_site,
    )
    response.headers.append("Set-Cookie", header)
    for name, value in PRIVATE.items():
        response.headers[name] = value
    return response


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
