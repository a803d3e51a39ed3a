"""Whether the service lives, is ready, and which version it is. Open to everybody; tells nothing else."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from octostar_runtime import __version__
from octostar_runtime.api.context import Runtime

router = APIRouter(tags=["health"])
#: A snapshot older than this means the reader hangs.
STALE_S = 15.0


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether the service can do its work."""

    status: Literal["ready", "not ready"]
    store: bool
    snapshot: bool


class Version(BaseModel):
    """What runs here."""

    version: str
    python: str
    streamlit: str | None


@router.get("/api/health", summary="The service answers")
async def health() -> Health:
    """Answer as long as the process serves requests."""
    return Health()


@router.get("/api/health/live", summary="The process lives")
async def live() -> Health:
    """For a supervisor: restart the process when this does not answer."""
    return Health()


@router.get("/api/health/ready", summary="The service can work", responses={503: {"model": Readiness}})
def ready(runtime: Runtime, response: Response) -> Readiness:
    """For a load balancer: 503 while the store cannot be reached or the fleet has not been read lately."""
    health = runtime.store.health()
    fresh = runtime.clock.time() - runtime.fleet.snapshot.taken_at < STALE_S
    fine = health.ok and fresh
    response.status_code = 200 if fine else 503
    return Readiness(status="ready" if fine else "not ready", store=health.ok, snapshot=fresh)


@router.get("/api/version", summary="Version")
async def versions() -> Version:
    """Tell the versions of the runtime, of Python and of Streamlit."""
    return Version(version=__version__, python=platform.python_version(), streamlit=_installed("streamlit"))


def _installed(name: str) -> str | None:
    # the module may be loaded already; else the metadata tells without importing it
    loaded = sys.modules.get(name)
    try:
        return str(getattr(loaded, "__version__", None) or version(name))
    except PackageNotFoundError:
        return None
