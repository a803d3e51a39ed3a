"""Which methods a path answers."""

from collections.abc import Iterable, Iterator

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route


def allowed_methods(request: Request) -> str:
    """Return the value of the Allow header: the methods of all routes with this path."""
    matching = [route for route in _flat(request.app.routes) if route.matches(request.scope)[0] is not Match.NONE]
    # "/api/runs/cancel" is a resource of its own, not the run called "cancel"
    literal = [route for route in matching if not route.param_convertors]
    methods: set[str] = set()
    for route in literal or matching:
        methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def _flat(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """Yield plain routes; FastAPI keeps those of an included router in the router."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _flat(included.routes)
        elif isinstance(route, Route):
            yield route
