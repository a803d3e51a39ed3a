"""Services that the idle policy stops and starts, and what keeps them awake."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from octostar_runtime.api.auth import Caller, Reader
from octostar_runtime.api.context import Runtime
from octostar_runtime.api.lists import Cursor, Limit, Page, page_of, reply
from octostar_runtime.api.schemas import HoldBody, ReasonBody
from octostar_runtime.errors import ServiceNotFound
from octostar_runtime.models.services import ServiceRecord

router = APIRouter(prefix="/api", tags=["services"])

Name = Annotated[str, Path(min_length=1, max_length=100, description="name of the service")]


class Log(BaseModel):
    """The end of a service's log."""

    service: str
    log: str


class Hold(BaseModel):
    """A keep-awake claim."""

    hold_id: str


@router.get("/services", summary="List services", response_model=Page[ServiceRecord], responses={404: {}})
def list_services(runtime: Runtime, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List services with their state, what keeps them up, and when they are going to stop."""
    snapshot = runtime.fleet.snapshot
    page = page_of(snapshot.services, key=_key, cursor=cursor, limit=limit, taken_at=snapshot.taken_at)
    return reply(Page[ServiceRecord], page)


@router.get("/services/{name}", summary="One service", response_model=ServiceRecord, responses={404: {}})
def get_service(runtime: Runtime, caller: Reader, name: Name) -> Response:
    """Return a service."""
    return reply(ServiceRecord, _service(runtime, name))


@router.post("/services/{name}/stop", status_code=204, summary="Stop a service", responses={404: {}, 409: {}})
def stop_service(runtime: Runtime, caller: Caller, name: Name, body: ReasonBody | None = None) -> None:
    """Stop a service now, whatever its countdown says; the controller still probes for blockers first."""
    runtime.operations.stop_service(name, by=caller, reason=body.reason if body else "")


@router.post("/services/{name}/start", status_code=204, summary="Start a service", responses={404: {}, 409: {}})
def start_service(runtime: Runtime, caller: Caller, name: Name, body: ReasonBody | None = None) -> None:
    """Start a service now."""
    runtime.operations.start_service(name, by=caller, reason=body.reason if body else "")


@router.get("/services/{name}/log", summary="Log of a service", responses={404: {}, 409: {}})
def get_log(runtime: Runtime, caller: Reader, name: Name, lines: Annotated[int, Query(ge=1, le=500)] = 500) -> Log:
    """Return the newest lines of a service's log."""
    _service(runtime, name)
    return Log(service=name, log=runtime.operations.service_log(name, by=caller, lines=lines))


@router.post("/holds", status_code=201, summary="Keep awake", responses={409: {}})
def make_hold(runtime: Runtime, caller: Caller, body: HoldBody) -> Hold:
    """Keep everything awake for a while; ends by itself."""
    return Hold(hold_id=runtime.operations.hold(body.reason, body.ttl_s, by=caller))


@router.delete("/holds/{hold_id}", status_code=204, summary="End a hold", responses={404: {}, 409: {}})
def end_hold(
    runtime: Runtime,
    caller: Caller,
    hold_id: Annotated[str, Path(min_length=1, max_length=100)],
    reason: Annotated[str, Query(max_length=500)] = "",
) -> None:
    """End a keep-awake claim before it expires."""
    runtime.operations.release_hold(hold_id, by=caller, reason=reason)


def _service(runtime: Runtime, name: str) -> ServiceRecord:
    for service in runtime.fleet.snapshot.services:
        if service.name == name:
            return service
    raise ServiceNotFound(f"no service is called {name!r}")


def _key(service: ServiceRecord) -> str:
    return f"{service.node_id}/{service.name}"
