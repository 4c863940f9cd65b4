"""GET /metrics: what Prometheus asks the app, through the sidecar's 9902 at /metrics/app.

Of requests Envoy tells more than the app could; here is only what no request shows.
"""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request

router: Final = APIRouter()


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Answered from memory: a scrape asks no database, and is not kept waiting by one."""
    registry: CollectorRegistry = request.app.state.metrics
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
