"""What the client raises when the service refuses."""

from collections.abc import Mapping
from typing import Any

import httpx

from octostar_runtime.errors import OctostarRuntimeError


class ApiRefused(OctostarRuntimeError, RuntimeError):
    """The service refused a request. ``problem`` is its problem document, ``status`` the HTTP status."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))
        self.status = status
        self.problem = problem


def check(response: httpx.Response) -> httpx.Response:
    """Return the response; ApiRefused when it is an error."""
    if response.status_code < 400:
        return response
    try:
        body = response.json()
    except ValueError:
        body = {}
    raise ApiRefused(response.status_code, body if isinstance(body, dict) else {})
