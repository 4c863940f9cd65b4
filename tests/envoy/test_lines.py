"""Each number and switch of the Envoy files that no behaviour test would miss, and why it is so."""

import re
from collections.abc import Callable
from pathlib import Path

import alb_lines
import pytest
import relay_lines
import yaml
from deployment.lines import (
    Document,
    Line,
    Needs,
    between,
    change,
    has,
    name_of,
    number,
    same_as,
    says,
    take_out,
    value_at,
)

ROOT = Path(__file__).parents[2]
MIB = 2**20
BOTH_BUFFERS = 2 * 32768  # bytes: what a connection may hold each way
PAGE = 200 * 1024  # bytes of an answer that Envoy takes whole when its reader is slow
PEERS = {"query-api": 256, "command-api": 0}  # connections that another Pod may open
SIDES, RELAY = ("command-api", "query-api"), ("inquiry-relay",)
ALL = (*SIDES, *RELAY)

HTTP = "filter_chains 0 filters 0 typed_config"
RUNTIME = "layered_runtime layers limits static_layer"
INGRESS_LIMIT = f"{RUNTIME} envoy.resource_limits.listener.ingress.connection_limit"
INGRESS = f"static_resources listeners ingress {HTTP}"
EGRESS = f"static_resources listeners egress {HTTP}"
METRICS = f"static_resources listeners metrics {HTTP}"
LOG = f"{INGRESS} access_log 0"
LOGGED = f"{LOG} filter and_filter filters or_filter filters"
FIELDS = f"{LOG} typed_config log_format json_format"
POD_LIMIT = f"{INGRESS} http_filters pod_limit typed_config"
CLIENT_LIMIT = f"{INGRESS} http_filters client_limit typed_config"
BUCKET = f"{CLIENT_LIMIT} descriptors 0 token_bucket"
RBAC = f"{INGRESS} http_filters envoy.filters.http.rbac typed_config rules"
OTHERS = f"{RBAC} policies anything-else principals"
BODY = f"{INGRESS} http_filters envoy.filters.http.buffer typed_config max_request_bytes"
ROUTE = f"{INGRESS} route_config virtual_hosts app routes 3 route timeout"
OPEN = f"{INGRESS} route_config virtual_hosts app routes 1 typed_per_filter_config client_limit"
PATTERNS = "stats_config stats_matcher inclusion_list patterns"
APP = "static_resources clusters local_app"
TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    408: "Request Timeout", 413: "Content Too Large", 426: "Upgrade Required",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


def route_seconds(document: Document) -> float:
    """How long the app has for a request."""
    return number(value_at(document, ROUTE))


def memory_of(side: str) -> int:
    """The bytes that the sidecar may have."""
    manifests = yaml.safe_load_all((ROOT / "k8s/base" / f"{side}.yaml").read_text())
    deployment = next(each for each in manifests if each["kind"] == "Deployment")
    at = "spec template spec initContainers envoy resources limits memory"
    return int(value_at(deployment, at).removesuffix("Mi")) * MIB


def fits_the_container(connections: float, document: Document) -> bool:
    """All buffers full are at most half of the container's memory; whoever may come fits in."""
    body = value_at(document, BODY)
    side, each = name_of(document), BOTH_BUFFERS + body if body else PAGE
    (breaker,) = value_at(document, f"{APP} circuit_breakers thresholds")
    served = breaker["max_connections"] + breaker["max_pending_requests"]
    return bool(max(served, PEERS[side]) < connections <= memory_of(side) / 2 / each)


def same_bytes_each_way(limit: float, _: Document) -> bool:
    """What the memory of all connections is computed from."""
    return 2 * limit == BOTH_BUFFERS


def far_above_the_ingress(connections: float, document: Document) -> bool:
    """The limit on all of Envoy counts the probes of 9902: it must never be the one that is met."""
    return connections >= 4 * number(value_at(document, INGRESS_LIMIT))


def between_route_and_idle(timeout: str, document: Document) -> bool:
    """Longer than a route takes, shorter than a stream may be silent."""
    idle = number(value_at(document, f"{INGRESS} stream_idle_timeout"))
    return route_seconds(document) < number(timeout) < idle


def ends_at_the_route(buckets: list[int], document: Document) -> bool:
    """Milliseconds, ascending, up to the longest a request can take."""
    return buckets == sorted(buckets) and buckets[-1:] == [1000 * route_seconds(document)]


def titles_all(title: str, _: Document) -> bool:
    """Each status that Envoy itself or this file can answer with has its name of RFC 9110."""
    named = {int(status): name for status, name in re.findall(r'(\d+):"([^"]+)"', title)}
    return named == TITLES


def words(status: int, detail: str) -> Needs:
    """A mapper words this status."""
    key = "filter status_code_filter comparison value default_value"
    return lambda mappers, _: any(
        value_at(each, key) == status and each["body"]["inline_string"] == detail
        for each in mappers
    )


def at_most_half_of_the_pod(tokens: float, document: Document) -> bool:
    """Two greedy clients at least before anybody else is refused."""
    return 1 <= tokens <= number(value_at(document, f"{POD_LIMIT} token_bucket max_tokens")) / 2


def a_small_part_of_a_clients(tokens: float, document: Document) -> bool:
    """All who bring no token get at most a tenth of what one who brings one does."""
    return 1 <= tokens <= number(value_at(document, f"{BUCKET} max_tokens")) / 10


def waits_for_four_at_most(pending: float, document: Document) -> bool:
    """A burst waits in Envoy, one to four for each request at work."""
    working = number(value_at(document, f"{APP} circuit_breakers thresholds 0 max_connections"))
    return working <= pending <= 4 * working


# fmt: off
LIMITS = [
    Line("static_resources listeners ingress per_connection_buffer_limit_bytes",
         same_bytes_each_way, "By default 1 MiB for what each client sends."),
    Line(INGRESS_LIMIT, fits_the_container, "Connections alone fill the container's memory."),
    Line("overload_manager resource_monitors 0 typed_config max_active_downstream_connections",
         far_above_the_ingress, "The kubelet's probes are cut off by other people's connections."),
    Line(f"{POD_LIMIT} token_bucket max_tokens", between(1000, 5000),
         "Checking signatures takes the whole core, or honest load is refused."),
    Line(f"{POD_LIMIT} token_bucket tokens_per_fill",
         same_as(f"{POD_LIMIT} token_bucket max_tokens"), "The rate is not the burst."),
    Line(f"{CLIENT_LIMIT} token_bucket", same_as(f"{POD_LIMIT} token_bucket"),
         "All clients together get less than the Pod can do, or a token nobody else has."),
    Line(f"{BUCKET} max_tokens", at_most_half_of_the_pod, "One partner starves the others."),
    Line(f"{BUCKET} tokens_per_fill", same_as(f"{BUCKET} max_tokens"),
         "The rate is not the burst."),
    *(Line(f"{bucket} fill_interval", says("1s"), "The numbers are no longer requests a second.")
      for bucket in (f"{POD_LIMIT} token_bucket", BUCKET, f"{OPEN} token_bucket")),
    Line(f"{OPEN} token_bucket max_tokens", a_small_part_of_a_clients,
         "Who brings no token keeps those waiting who bring one."),
    Line(f"{OPEN} token_bucket tokens_per_fill", same_as(f"{OPEN} token_bucket max_tokens"),
         "The rate is not the burst."),
    *(Line(f"{limit} {switch} default_value numerator", says(100), "The limit is not there.")
      for limit in (POD_LIMIT, CLIENT_LIMIT) for switch in ("filter_enabled", "filter_enforced")),
    Line(f"{APP} circuit_breakers thresholds 0 max_pending_requests", waits_for_four_at_most,
         "A burst is refused, or waits for longer than the time-out."),
    *(Line(f"{APP}_live circuit_breakers thresholds 0 {bound}", says(1),
           "Probes of a hung app take up the slots that are kept free for health.", ALL)
      for bound in ("max_connections", "max_pending_requests")),
    Line(f"{APP}_metrics circuit_breakers thresholds 0 max_connections", says(1),
         "Scrapes of a hung app take up the slots that are kept free for health.", ALL),
    Line(f"{APP}_metrics circuit_breakers thresholds 0 max_pending_requests", between(1, 8),
         "Two that scrape at once are one too many, or all that ever come wait.", ALL),
    Line(f"{CLIENT_LIMIT} max_dynamic_descriptors", between(100, 10000),
         "By default 20 clients are counted: the 21st throws the first one's count away."),
    Line(f"{CLIENT_LIMIT} enable_x_ratelimit_headers", says("DRAFT_VERSION_03"),
         "A client sees its limit only once it is over it."),
]
WHO_ASKS = [
    *(Line(f"{at} codec_type", says("HTTP1"),
           "HTTP/2 by prior knowledge is taken: many requests a connection, past what is bounded.")
      for at in (INGRESS, METRICS)),
    Line(f"{EGRESS} codec_type", says("HTTP1"), "The same.", RELAY),
    Line(f"{OTHERS} 0 sourced_metadata metadata_matcher path 1 key", says("token_use"),
         "An id token reaches the app."),
    Line(f"{OTHERS} 0 sourced_metadata metadata_matcher value string_match exact", says("access"),
         "An id token reaches the app."),
    Line(OTHERS, lambda value, _: len(value) == 1,
         "Any one of several principals is enough."),
]
TIMES = [
    Line(f"{INGRESS} request_headers_timeout", between(5, 15),
         "A client that sends a byte now and then keeps its connection for ever."),
    Line(f"{INGRESS} request_timeout", between_route_and_idle, "The same with a body."),
    Line(f"{INGRESS} stream_idle_timeout", between(31, 60),
         "By default five minutes; the ALB has given up after 60 s."),
    Line(f"{METRICS} route_config virtual_hosts exact routes 3 route timeout",
         same_as(ROUTE), "A busy app is called dead, by Envoy's 504."),
    *(Line(f"static_resources clusters {name} connect_timeout", says("1s"),
           "By default 5 s: a refusal on the loopback comes at once, or the app's queue is full.",
           files)
      for name, files in (("local_app", SIDES), ("local_app_live", ALL), ("admin", ALL))),
    Line(f"{METRICS} route_config virtual_hosts exact routes 4 route timeout", between(1, 10),
         "Prometheus gives up after 10 s, and a hanging app is a scrape without an answer.", ALL),
    Line("static_resources clusters local_app_metrics connect_timeout", says("1s"),
         "By default 5 s: longer than the scrape has.", ALL),
    Line(f"{APP} health_checks 0 unhealthy_threshold", between(2, 3),
         "One late answer takes the Pod out, or a dead app is sent to."),
    Line(f"{APP} health_checks 0 healthy_threshold", says(1),
         "The least there is: with more, an app that is well again is asked in vain.", ALL),
    Line("static_resources listeners metrics drain_type", says("MODIFY_ONLY"),
         "Probes fail while the Pod drains, and Envoy is killed with requests in flight."),
]
SEEN = [
    Line(f"{LOGGED} status_code_filter comparison value default_value", says(400),
         "A refusal leaves no line."),
    Line(f"{LOGGED} duration_filter comparison value default_value", between(500, 2000),
         "A slow answer leaves no line."),
    Line(f"{LOGGED} response_flag_filter", says({}), "A client that gave up leaves no line."),
    Line(f"{LOGGED} runtime_filter percent_sampled", says({"numerator": 1}),
         "Good answers are 4 GB of lines a day."),
    *(Line(f"{FIELDS} {field}", says(value), f"A line does not say {what}.")
      for field, value, what in (
          ("traceparent", "%REQUEST_HEADER(TRACEPARENT):55%", "what it was a part of"),
          ("details", "%RESPONSE_CODE_DETAILS%", "which filter refused"),
          ("flags", "%RESPONSE_FLAGS%", "what went wrong"),
          ("upstream", "%UPSTREAM_HOST%", "whether the app was asked"))),
    Line(f"{INGRESS} local_reply_config body_format json_format title", titles_all,
         "An answer of Envoy's own has an empty title."),
    Line(f"{INGRESS} local_reply_config mappers", words(504, "The service did not answer in time."),
         "Envoy's own words reach a client: `upstream request timeout`."),
    *(Line(f"{at} stat_prefix", says(prefix), "Dashboards ask for a name that is not there.")
      for at, prefix in ((INGRESS, "ingress"), (METRICS, "metrics"), (POD_LIMIT, "pod_limit"),
                         (CLIENT_LIMIT, "client_limit"))),
    *(Line(PATTERNS, has({"prefix": prefix}), f"No metric {prefix}* is there to alert on.")
      for prefix in ("cluster.", "cluster_manager.", "extension_config_discovery.",
                     "http.ingress.", "listener.", "server.")),
    Line(PATTERNS, has({"prefix": "http.egress."}), "Nothing tells how the peer answers.", RELAY),
    Line(PATTERNS, has({"contains": "http_local_rate_limit"}), "Nobody sees who is limited."),
    Line("stats_config histogram_bucket_settings 0 buckets", ends_at_the_route,
         "The slowest requests all fall into infinity."),
]
# fmt: on
LINES = [*LIMITS, *WHO_ASKS, *TIMES, *SEEN]
CASES = [
    *(
        pytest.param(line, file, id=f"{file}: {line.at} {line.otherwise}")
        for line in LINES
        for file in line.files
    ),
    *alb_lines.CASES,
    *relay_lines.CASES,
]


@pytest.mark.parametrize(("line", "file"), CASES)
def test_each_line_is_there(line: Line, file: str, config: Callable[[str], Document]) -> None:
    """The file says what is needed, or what the row foretells happens."""
    assert line.holds(config(file)), line.otherwise


@pytest.mark.parametrize("mutate", [take_out, change])
@pytest.mark.parametrize(("line", "file"), CASES)
def test_each_check_can_fail(
    line: Line,
    file: str,
    mutate: Callable[[Document, str], None],
    config: Callable[[str], Document],
) -> None:
    """With the line taken out, or with another value, its check fails."""
    mutated = config(file)
    mutate(mutated, line.at)

    assert not line.holds(mutated)
