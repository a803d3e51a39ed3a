"""The documentation to click through: Swagger UI, with its files from this very service.

No other host is asked for anything, so it works on a machine without the internet; all addresses are relative, so it
works below any prefix.
"""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
BASE = "api/docs"


@router.get("/docs")
async def show_documentation(request: Request) -> Response:
    """Show every operation with what it takes and gives, to be tried out at once."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=f"{request.app.title}: API",
        swagger_js_url=f"{BASE}/swagger-ui-bundle.js",
        swagger_css_url=f"{BASE}/swagger-ui.css",
        swagger_favicon_url=f"{BASE}/favicon-32x32.png",
        swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True, "docExpansion": "list"},
    )
    page.headers["Cache-Control"] = "no-cache"
    return page


@router.get("/api/docs/{name}")
def get_asset(name: str) -> Response:
    """Return one of Swagger UI's files."""
    if name not in ASSETS:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_content(name), media_type=ASSETS[name], headers=headers)


@cache
def _content(name: str) -> bytes:
    return (files("fastapi_swagger.resources") / name).read_bytes()
