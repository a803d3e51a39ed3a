"""Services that the idle policy stops and starts, and what keeps them awake."""

from typing import Annotated

import anyio
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from octostar_runtime.api.auth import Caller, Reader
from octostar_runtime.api.backend import Backend
from octostar_runtime.api.context import Runtime, Surroundings
from octostar_runtime.api.lists import Cursor, Limit, Page, page_of, reply
from octostar_runtime.api.schemas import HoldBody, ReasonBody, StopBody
from octostar_runtime.errors import ServiceNotFound
from octostar_runtime.idle import Hold as HeldAwake
from octostar_runtime.models.access import Role
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.operations.services import SCOPE

router = APIRouter(prefix="/api", tags=["services"])

#: A wake is held for at most as long as proxies and clients wait.
MAX_WAIT_S = 60.0
AWAKE = ("ready", "idle", "warned")

Name = Annotated[str, Path(min_length=1, max_length=100, description="name of the service")]


class Log(BaseModel):
    """The end of a service's log."""

    service: str
    log: str


class HoldInfo(BaseModel):
    """A keep-awake claim in force."""

    hold_id: str
    owner: str
    reason: str
    expires_at: float


class Hold(BaseModel):
    """A keep-awake claim that was made."""

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
    return reply(ServiceRecord, _service(runtime, name), tagged=True)


@router.post("/services/{name}/stop", status_code=204, summary="Stop a service", responses={404: {}, 409: {}})
def stop_service(runtime: Runtime, caller: Caller, name: Name, body: StopBody | None = None) -> None:
    """Stop a service now, whatever its countdown says; 409 names what uses it, unless `force` is true."""
    asked = body or StopBody()
    runtime.operations.stop_service(name, by=caller, reason=asked.reason, force=asked.force)


@router.post("/services/{name}/start", status_code=204, summary="Start a service", responses={404: {}, 409: {}})
def start_service(runtime: Runtime, caller: Caller, name: Name, body: ReasonBody | None = None) -> None:
    """Start a service now."""
    runtime.operations.start_service(name, by=caller, reason=body.reason if body else "")


@router.post(
    "/services/{name}/wake",
    summary="Wake a service",
    response_model=ServiceRecord,
    responses={202: {"model": ServiceRecord}, 404: {}, 409: {}},
)
async def wake_service(
    api: Surroundings,
    caller: Caller,
    name: Name,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="seconds to wait until it is ready")] = 0.0,
    body: ReasonBody | None = None,
) -> Response:
    """Start a service that is asleep, and whatever it needs: 200 once it is ready, 202 while it comes up."""
    runtime = api.backend
    reason = (body.reason if body else "") or "woken by an API call"
    await run_in_threadpool(runtime.operations.start_service, name, by=caller, reason=reason)
    until = anyio.current_time() + wait
    while True:
        service = _service(runtime, name)
        ready = service.state.value in AWAKE
        if ready or anyio.current_time() >= until or api.stopping.requested:
            break
        await anyio.sleep(0.2)
    headers = {} if ready else {"Retry-After": "2"}
    return reply(ServiceRecord, service, status=200 if ready else 202, headers=headers)


@router.get("/services/{name}/log", summary="Log of a service", responses={404: {}, 409: {}})
def get_log(runtime: Runtime, caller: Reader, name: Name, lines: Annotated[int, Query(ge=1, le=500)] = 500) -> Log:
    """Return the newest lines of a service's log."""
    _service(runtime, name)
    return Log(service=name, log=runtime.operations.service_log(name, by=caller, lines=lines))


@router.get("/holds", summary="List keep-awakes")
def list_holds(runtime: Runtime, caller: Reader) -> list[HoldInfo]:
    """List who keeps the services awake, why and until when; the first to expire first."""
    return [
        HoldInfo(hold_id=h.hold_id, owner=h.owner, reason=h.reason, expires_at=h.expires_at) for h in _holds(runtime)
    ]


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
    if caller.may(Role.OPERATOR, SCOPE) and all(hold.hold_id != hold_id for hold in _holds(runtime)):
        raise HTTPException(404, "no keep-awake in force has that id; it may have expired")
    runtime.operations.release_hold(hold_id, by=caller, reason=reason)


def _holds(runtime: Backend) -> tuple[HeldAwake, ...]:
    return runtime.idle.holds()


def _service(runtime: Backend, name: str) -> ServiceRecord:
    for service in runtime.fleet.snapshot.services:
        if service.name == name:
            return service
    raise ServiceNotFound(f"no service is called {name!r}")


def _key(service: ServiceRecord) -> str:
    return f"{service.node_id}/{service.name}"
