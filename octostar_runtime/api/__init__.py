"""The HTTP API. Importing this package imports no web framework; ``create_api`` does."""

from typing import TYPE_CHECKING

from octostar_runtime.api.forward import ApiForward, api_lifespan

if TYPE_CHECKING:
    from fastapi import FastAPI

    from octostar_runtime.api.backend import Backend

__all__ = ["ApiForward", "api_lifespan", "create_api"]


def create_api(runtime: "Backend") -> "FastAPI":
    """Return the application that serves ``/api/*``, ``/docs`` and ``/openapi.json`` for a started runtime."""
    from octostar_runtime.api.app import create_api as create

    return create(runtime)
