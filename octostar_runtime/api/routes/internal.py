"""What nginx asks when somebody opens a stopped program: start it, and hold the request until it is ready.

Reached only from this machine; nginx closes the path to everybody else and proves that it is our nginx.
"""

import ipaddress
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from octostar_runtime.api.context import Api, Surroundings
from octostar_runtime.errors import NotAllowed

router = APIRouter(prefix="/api/internal", include_in_schema=False)


@router.get("/wake")
async def wake(
    request: Request, api: Surroundings, service: Annotated[str, Query(min_length=1, max_length=100)]
) -> Response:
    """Answer 204 once the service is ready; 503 with Retry-After when it is not there in time."""
    _only_from_our_nginx(request, api)
    idle = api.backend.idle
    policy, _ = idle.policy()
    for_a_person = request.headers.get("x-octostar-wake") == "page"
    hold_s = policy.wake_hold_max
    if for_a_person:
        hold_s = 0.0 if policy.wake_strategy == "page" else min(hold_s, policy.wake_page_after)
    waking = idle.wake(service, cause="request")
    with api.held.place(policy.wake_max_pending) as admitted:
        ready = admitted and await waking.wait_async(hold_s)
    if ready:
        return Response(status_code=204)
    return Response(status_code=503, headers={"Retry-After": "3" if for_a_person else "5"})


def _only_from_our_nginx(request: Request, api: Api) -> None:
    peer = request.client.host if request.client else ""
    try:
        local = ipaddress.ip_address(peer).is_loopback
    except ValueError:
        local = False
    proxy = api.backend.access.proxy
    if not local or (proxy.expects_edge and not proxy.is_edge(request.headers)):
        raise NotAllowed("only this service's own nginx may ask this")
