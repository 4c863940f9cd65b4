"""Each line of the ALB's stand-in that no behaviour test would miss, with what it is there for."""

import json
from pathlib import Path

import pytest
import yaml
from deployment.lines import Document, Line, number, says, value_at
from deployment.rendered import base_document

from bukken_local.pods import PODS_EACH

ROOT = Path(__file__).parents[1]
AT_ALB = "static_resources listeners alb filter_chains 0 filters 0 typed_config"
ROUTES = f"{AT_ALB} route_config virtual_hosts 0 routes"
TARGETS = "static_resources clusters query-api"
CLIENTS = "overload_manager resource_monitors 0 typed_config max_active_downstream_connections"
LIMIT = "envoy.resource_limits.listener.ingress.connection_limit"
AT_ONCE = 1024
"""Envoy's default for each of a cluster's bounds: config.cluster.v3.CircuitBreakers.Thresholds."""


def taken_by_a_pod(side: str) -> int:
    """How many connections its Envoy lets in."""
    document = yaml.safe_load((ROOT / "envoy" / f"{side}.yaml").read_text())
    return int(value_at(document, f"layered_runtime layers limits static_layer {LIMIT}"))


def more_than_the_pods_take(clients: float, _: Document) -> bool:
    """Of one machine; and each client's one request (HTTP/1) is below Envoy's default bounds."""
    pods = PODS_EACH * sum(taken_by_a_pod(side) for side in ("command-api", "query-api"))
    return pods < clients < AT_ONCE


def one_for_each_client_and_pod(connections: float, document: Document) -> bool:
    """An idle connection serves its own target alone."""
    most = base_document("query-api", "HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    return bool(connections >= most * number(value_at(document, CLIENTS)))


def as_query_apis(cluster: Document, document: Document) -> bool:
    """But for the name the same target group."""
    other = json.dumps(value_at(document, TARGETS)).replace("query-api", "command-api")
    return bool(cluster == json.loads(other))


# fmt: off
AS_THE_ALB = [
    Line(at, says(value), "What passes here would not pass on EKS, or the other way round.")
    for at, value in (
        (f"{AT_ALB} use_remote_address", True), (f"{AT_ALB} generate_request_id", False),
        (f"{AT_ALB} normalize_path", False), (f"{AT_ALB} merge_slashes", False),
        (f"{AT_ALB} path_with_escaped_slashes_action", "KEEP_UNCHANGED"),
        (f"{AT_ALB} stream_idle_timeout", "60s"), (f"{AT_ALB} max_request_headers_kb", 64),
        (f"{AT_ALB} common_http_protocol_options headers_with_underscores_action", "DROP_HEADER"),
        (f"{AT_ALB} server_header_transformation", "APPEND_IF_ABSENT"),
        (f"{AT_ALB} http_filters 0 typed_config suppress_envoy_headers", True),
        (f"{ROUTES} 1 route timeout", "0s"), (f"{ROUTES} 2 route timeout", "0s"),
        (f"{TARGETS} connect_timeout", "10s"), (f"{TARGETS} lb_policy", "ROUND_ROBIN"),
        (f"{TARGETS} health_checks 0 healthy_threshold", 2),
        (f"{TARGETS} cluster_type typed_config dns_refresh_rate", "5s"),
    )
]
NOT_THE_ALBS = [
    Line(CLIENTS, more_than_the_pods_take,
         "Who is refused is refused by the stand-in, where the ALB would have let him in."),
    Line(f"{TARGETS} circuit_breakers thresholds 0 max_connections", one_for_each_client_and_pod,
         "Clients wait for a connection that another Pod's idle ones take up."),
    Line("static_resources clusters command-api", as_query_apis,
         "What passes on one side says nothing of the other."),
]
# fmt: on
CASES = [pytest.param(line, "alb", id=line.at) for line in (*AS_THE_ALB, *NOT_THE_ALBS)]
