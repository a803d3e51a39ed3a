"""The API application: the same one in the UI process (embedded) and as a server of its own (full)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from octostar_runtime import __version__
from octostar_runtime.api import openapi, problems
from octostar_runtime.api.activity import ActivityTap
from octostar_runtime.api.backend import Backend
from octostar_runtime.api.bodies import sends_no_json
from octostar_runtime.api.calls import WAITERS, runtime_holds
from octostar_runtime.api.context import Api
from octostar_runtime.api.fleet_metrics import FleetMetrics
from octostar_runtime.api.guard import Guard
from octostar_runtime.api.held import Held
from octostar_runtime.api.idempotency import IdempotencyKeys
from octostar_runtime.api.methods import allowed_methods
from octostar_runtime.api.parameters import single_values
from octostar_runtime.api.rate import RateLimit
from octostar_runtime.api.routes import (
    desktop,
    docs,
    events,
    functions,
    health,
    internal,
    me,
    metrics,
    nodes,
    people,
    policy,
    run_groups,
    runs,
    services,
    sessions,
    sign_in,
    tokens,
)
from octostar_runtime.api.stopping import Stopping
from octostar_runtime.api.streams import EventFeed
from octostar_runtime.api.uploads import Uploads
from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.functions import load_functions

ROUTES = (
    health,
    sign_in,
    me,
    nodes,
    sessions,
    run_groups,
    runs,
    services,
    policy,
    events,
    functions,
    tokens,
    people,
    metrics,
    internal,
    docs,
)


def create_api(runtime: Backend) -> FastAPI:
    """Return the application that serves ``/api/*``, ``/docs`` and ``/openapi.json`` for a started runtime."""
    settings = runtime.settings
    load_functions(settings.functions)
    held = Held()
    api = Api(
        backend=runtime,
        rate=RateLimit(runtime.clock, rate=settings.api_rate, burst=settings.api_burst),
        stopping=Stopping(),
        keys=IdempotencyKeys(runtime.store.call_keys, runtime.publisher.flush_now),
        feed=EventFeed(),
        held=held,
        metrics=FleetMetrics(runtime, held),
        uploads=Uploads(settings.state_dir / "uploads", is_live=runtime_holds(runtime)),
        waiters=CapacityLimiter(WAITERS),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        api.stopping.begin()
        api.metrics.start()
        await run_in_threadpool(api.uploads.sweep)
        try:
            yield
        finally:
            api.metrics.stop()
            api.stopping.end()

    app = FastAPI(
        title="Octostar runtime",
        version=__version__,
        lifespan=lifespan,
        root_path=settings.base_path,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        strict_content_type=False,
        dependencies=[Depends(single_values)],
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.api = api
    for module in ROUTES:
        app.include_router(module.router)
    app.include_router(desktop.router(settings))
    app.add_exception_handler(OctostarRuntimeError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_middleware(ActivityTap, activity=runtime.idle.activity)
    app.add_middleware(Guard, upload_limit=settings.upload_mb << 20)
    openapi.install(app)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestValidationError):
        if sends_no_json(request):
            return problems.of_http(request, HTTPException(415, "send application/json"))
        return problems.of_validation(request, error)
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            headers = {**(error.headers or {}), "Allow": allowed_methods(request)}
            error = HTTPException(405, error.detail, headers)
        return problems.of_http(request, error)
    return problems.of_error(request, error)
