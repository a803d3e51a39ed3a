"""What every route can ask for: the runtime, and the API's own state."""

from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from octostar_runtime.access import visible
from octostar_runtime.api.backend import Backend
from octostar_runtime.api.fleet_metrics import FleetMetrics
from octostar_runtime.api.held import Held
from octostar_runtime.api.idempotency import IdempotencyKeys
from octostar_runtime.api.rate import RateLimit
from octostar_runtime.api.stopping import Stopping
from octostar_runtime.api.streams import EventFeed
from octostar_runtime.api.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API application's surroundings, made once by ``create_api``."""

    backend: Backend
    rate: RateLimit
    stopping: Stopping
    keys: IdempotencyKeys
    feed: EventFeed
    held: Held
    metrics: FleetMetrics
    uploads: Uploads
    waiters: CapacityLimiter


def api(request: Request) -> Api:
    """Return the application's surroundings."""
    found: Api = request.app.state.api
    return found


def backend(found: Annotated[Api, Depends(api)]) -> Backend:
    """Return the runtime behind the API."""
    return found.backend


def view(found: Annotated[Backend, Depends(backend)]) -> visible.View:
    """Return what turns records into what a caller may see."""
    return visible.View(found.settings)


Surroundings = Annotated[Api, Depends(api)]
Runtime = Annotated[Backend, Depends(backend)]
View = Annotated[visible.View, Depends(view)]
