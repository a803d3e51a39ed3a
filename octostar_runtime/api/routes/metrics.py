"""Metrics for Prometheus."""

from fastapi import APIRouter, Response

from octostar_runtime.api.auth import Scraper
from octostar_runtime.api.context import Surroundings
from octostar_runtime.telemetry.prometheus import CONTENT_TYPE

router = APIRouter(prefix="/api", tags=["metrics"])


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}},
)
def scrape(api: Surroundings, caller: Scraper) -> Response:
    """Return the metrics of the fleet in OpenMetrics text."""
    return Response(api.metrics.render(), media_type=CONTENT_TYPE)
