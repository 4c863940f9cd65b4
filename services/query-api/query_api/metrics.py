"""GET /metrics: what Prometheus asks the app, through the sidecar's 9902 at /metrics/app.

Of requests Envoy tells more than the app could; here is only what no request shows.
"""

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def endpoints(registry: CollectorRegistry) -> Blueprint:
    """Answered from memory: a scrape asks no database, and is not kept waiting by one."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint
