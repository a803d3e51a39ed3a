"""The local desktop, a development tool: embedded, and in full mode only when ``OCTOSTAR_DESKTOP=1`` asks for it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from octostar_runtime.desktop import desktop_page
from octostar_runtime.settings import Settings


def is_served(settings: Settings) -> bool:
    """Whether this service has a desktop."""
    return settings.desktop or settings.mode == "embedded"


def router(settings: Settings) -> APIRouter:
    """Return the route, or none."""
    routes = APIRouter(include_in_schema=False)
    if is_served(settings):
        page = desktop_page(f"{settings.base_path}/")

        @routes.get("/desktop", response_class=HTMLResponse)
        def desktop() -> str:
            return page

    return routes
