"""Every refusal of the API is a problem document (RFC 9457), so that a program can tell what to mend."""

from collections.abc import Mapping, Sequence

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from octostar_runtime import errors

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="where it is, e.g. body.size or query.limit")
    message: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(description="names the kind of problem; stable", examples=["urn:octostar:problem:not-found"])
    title: str = Field(description="the kind of problem in words")
    status: int = Field(description="the HTTP status again")
    detail: str = Field(description="what happened this time and how to mend it")
    instance: str = Field(description="the path that was asked for")
    request_id: str = Field(description="the id to look for in the logs")
    errors: list[FieldProblem] = Field(default_factory=list, description="the fields at fault")


#: Error → (status, kind, title). The first class that fits counts, so derived ones come first.
KINDS: Sequence[tuple[type[Exception], int, str, str]] = (
    (errors.TooManyAttempts, 429, "too-many-attempts", "Too many attempts"),
    (errors.RateExceeded, 429, "rate-exceeded", "Too many requests"),
    (errors.NotSignedIn, 401, "not-signed-in", "Not signed in"),
    (errors.NotAllowed, 403, "not-allowed", "Not allowed"),
    (errors.ResultExpired, 410, "result-expired", "Result expired"),
    (errors.TaskNotFound, 404, "run-not-found", "Run not found"),
    (errors.PoolNotFound, 404, "pool-not-found", "Pool not found"),
    (errors.SessionNotFound, 404, "session-not-found", "Session not found"),
    (errors.NoticeNotFound, 404, "notice-not-found", "Lasting message not found"),
    (errors.ServiceNotFound, 404, "service-not-found", "Service not found"),
    (errors.NodeNotFound, 404, "node-not-found", "Node not found"),
    (errors.TokenNotFound, 404, "token-not-found", "Token not found"),
    (errors.FunctionNotFound, 404, "function-not-found", "Function not found"),
    (errors.CountChanged, 409, "count-changed", "Count changed"),
    (errors.VersionConflict, 409, "version-conflict", "Somebody else saved first"),
    (errors.InvalidTransition, 409, "state-conflict", "Not possible in this state"),
    (errors.NotRetriable, 409, "not-retriable", "Cannot be run again"),
    (errors.LimitReached, 409, "limit-reached", "Limit reached"),
    (errors.PolicyInvalid, 422, "policy-invalid", "Policy refused"),
    (errors.QueryInvalid, 422, "query-invalid", "Search not understood"),
    (errors.InvalidInput, 422, "invalid", "Invalid input"),
    (errors.QueueFull, 429, "queue-full", "Queue full"),
    (errors.ManagerClosed, 409, "not-taking-work", "Not taking work"),
    (errors.CommandFailed, 409, "node-refused", "The node did not do it"),
    (errors.ServiceBusy, 409, "service-busy", "In use"),
    (errors.WakeRefused, 503, "wake-refused", "Cannot be woken now"),
    (errors.StoreUnavailable, 503, "store-unavailable", "Store unavailable"),
    (errors.StoreTooNew, 503, "store-too-new", "Store of a newer release"),
    # whatever else is refused on purpose says why in a sentence for people
    (errors.OctostarRuntimeError, 409, "refused", "Refused"),
)
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Request too slow",
    409: "Conflict",
    410: "Gone",
    412: "Somebody else saved first",
    413: "Request too large",
    415: "Media type not supported",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    502: "The node did not do it",
    503: "Not available now",
    507: "Disk full",
}
SLUGS = {404: "not-found", 405: "method-not-allowed", 408: "too-slow", 413: "too-large", 422: "invalid"}
#: Names of the forms that a body may take; they say nothing to a caller.
FORMS = ("by-ids", "by-search", "to-named", "to-all")


class FieldRefused(HTTPException):
    """An HTTP error that one field of the request is to blame for."""

    def __init__(self, status: int, field: str, message: str) -> None:
        super().__init__(status, f"{field}: {message}")
        self.fields = (FieldProblem(field=field, message=message),)


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    kind: str = "",
    title: str = "",
    fields: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the response that refuses ``request``."""
    body = document(
        status,
        detail,
        instance=_printable(request.scope.get("path", "")),
        request_id=request.scope.get("state", {}).get("request_id", ""),
        kind=kind,
        title=title,
        fields=fields,
    )
    return JSONResponse(body.model_dump(), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def document(
    status: int,
    detail: str,
    *,
    instance: str,
    request_id: str,
    kind: str = "",
    title: str = "",
    fields: Sequence[FieldProblem] = (),
) -> Problem:
    """Return what says why something was refused; type and title are the status's own unless given."""
    heading = title or TITLES.get(status, "Error")
    return Problem(
        type=f"urn:octostar:problem:{kind or SLUGS.get(status, heading.lower().replace(' ', '-'))}",
        title=heading,
        status=status,
        detail=detail,
        instance=instance,
        request_id=request_id,
        errors=list(fields),
    )


def of_error(request: Request, error: Exception) -> JSONResponse:
    """Return the problem of one of our own errors."""
    for wanted, status, kind, title in KINDS:
        if isinstance(error, wanted):
            fields = _fields(request, error)
            headers = _headers(error, status)
            return problem(request, status, str(error), kind=kind, title=title, fields=fields, headers=headers)
    return problem(request, 500, "something went wrong here; the log of the service says what", kind="internal")


def of_validation(request: Request, error: RequestValidationError) -> JSONResponse:
    """Return the problem of a request that does not fit its schema."""
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(request, 422, "the body is not valid JSON", kind="invalid-json")
    fields = [
        FieldProblem(
            field=".".join(_printable(str(part)) for part in item["loc"] if part not in FORMS),
            message=_printable(item["msg"]),
        )
        for item in found[:50]
    ]
    first = f"{fields[0].field}: {fields[0].message}" if fields else "the request does not fit its schema"
    return problem(request, 422, first, kind="invalid", fields=fields)


def of_http(request: Request, error: HTTPException) -> JSONResponse:
    """Return the problem of an HTTP error that the framework raised."""
    known = {404: "nothing is served at this path; see /docs", 405: "this path does not answer that method"}
    stock = error.detail in ("Not Found", "Method Not Allowed")
    detail = known.get(error.status_code, error.detail) if stock else error.detail
    fields = error.fields if isinstance(error, FieldRefused) else ()
    return problem(request, error.status_code, _printable(str(detail)), fields=fields, headers=error.headers)


def _fields(request: Request, error: Exception) -> list[FieldProblem]:
    if isinstance(error, errors.PolicyInvalid):
        return [FieldProblem(field=f"body.policy.{name}", message=text) for name, text in error.fields.items()]
    if isinstance(error, errors.QueryInvalid):
        where = "query.q" if request.method in ("GET", "HEAD") else "body.q"
        return [FieldProblem(field=where, message=f"{error} (at character {error.position + 1})")]
    return []


def _headers(error: Exception, status: int) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.TooManyAttempts | errors.RateExceeded | errors.WakeRefused):
        return {"Retry-After": str(max(1, round(error.retry_after_s)))}
    if isinstance(error, errors.QueueFull | errors.StoreUnavailable):
        return {"Retry-After": "5"}
    if isinstance(error, errors.VersionConflict):
        return {"ETag": f'"{error.current}"'}
    return {}


def _printable(text: str) -> str:
    """Text that is safe in JSON: a lone surrogate from a broken URL cannot be encoded."""
    return text.encode("utf-8", "replace").decode("utf-8")[:2000]
