"""Each line of the relay's ways out that no behaviour test would miss, and why it is so."""

import pytest
from deployment.lines import (
    Document,
    Line,
    between,
    number,
    same_as,
    says,
    value_at,
)

EGRESS = "static_resources listeners egress filter_chains 0 filters 0 typed_config"
READ = f"{EGRESS} route_config virtual_hosts query-api routes 0 route"
RETRY = f"{READ} retry_policy"
LEAD = f"{EGRESS} route_config virtual_hosts back-end routes 0"
TOKEN = f"{EGRESS} route_config virtual_hosts token-endpoint routes 0"
OPTIONS = "typed_extension_protocol_options envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
PEER = "static_resources clusters query-api"
DNS = f"{PEER} cluster_type typed_config"
OUTLIERS = f"{PEER} outlier_detection"


def leaves_time_for_a_second_try(pause: str, document: Document) -> bool:
    """Two whole tries and the longest pause between them fit into what the caller is given."""
    one, all_of_them = (
        number(value_at(document, at)) for at in (f"{RETRY} per_try_timeout", f"{READ} timeout")
    )
    return 0 < number(pause) <= all_of_them - 2 * one


def sooner_than_without_a_failure(pause: str, document: Document) -> bool:
    """The first look after a failure comes before the next would have come anyhow."""
    return 0 < number(pause) < number(value_at(document, f"{DNS} dns_refresh_rate"))


def shorter_than_a_try(timeout: str, document: Document) -> bool:
    """By default 5 s, which is all the time there is."""
    return 0 < number(timeout) < number(value_at(document, f"{RETRY} per_try_timeout"))


# fmt: off
TO_THE_PEER = [
    Line(f"{READ} host_rewrite_literal", says("query-api-mesh.bukken.svc.cluster.local"),
         "The peer is asked for a host it does not know."),
    Line(f"{READ} timeout", between(1, 5.5), "The caller's 6 s end first."),
    Line(f"{RETRY} retry_on",
         says("connect-failure,refused-stream,reset-before-request,gateway-error"),
         "An app's own 500 is tried again, and answers 500 again."),
    Line(f"{RETRY} num_retries", between(1, 3), "A failure multiplies the load."),
    Line(f"{RETRY} per_try_timeout", between(1, 2.5), "One slow Pod takes all the time."),
    Line(f"{RETRY} retry_back_off base_interval", between(0.01, 0.1), "All at once."),
    Line(f"{RETRY} retry_back_off max_interval", leaves_time_for_a_second_try,
         "A try that timed out is the only one."),
    Line(f"{RETRY} host_selection_retry_max_attempts", between(8, 20),
         "By default one draw: it may fall on the same Pod again."),
    Line("static_resources listeners egress per_connection_buffer_limit_bytes",
         same_as("static_resources listeners ingress per_connection_buffer_limit_bytes"),
         "By default 1 MiB for each call."),
    Line(f"{EGRESS} normalize_path", says(False), "The key `..` becomes another path."),
    Line(f"{DNS} dns_refresh_rate", between(1, 10), "A new Pod gets nothing."),
    Line(f"{DNS} dns_failure_refresh_rate base_interval", sooner_than_without_a_failure,
         "DNS that was away for a moment is away for a whole interval."),
    Line(f"{DNS} dns_failure_refresh_rate max_interval", between(1, 10), "The same."),
    Line(f"{DNS} respect_dns_ttl", says(False), "Another number decides."),
    Line(f"{DNS} dns_lookup_family", says("V4_ONLY"), "Each name is asked for twice."),
    Line(f"{DNS} all_addresses_in_single_endpoint", says(False), "One Pod gets all."),
    Line(f"{PEER} connect_timeout", shorter_than_a_try,
         "A Pod whose node is gone takes the time of a second try."),
    Line(f"{PEER} lb_policy", says("LEAST_REQUEST"), "A slow Pod gets as much."),
    Line(f"{PEER} common_lb_config healthy_panic_threshold value", between(34, 50),
         "One bad Pod of three is sent to, or checks gone wrong stop everything."),
    Line(f"{PEER} health_checks 0 healthy_threshold", says(1),
         "The least there is: with more, a Pod that is well again gets nothing for a while."),
    Line(f"{PEER} health_checks 0 interval_jitter", between(0.1, 1), "All ask at once."),
    *(Line(f"{OUTLIERS} {name}", says(value), otherwise) for name, value, otherwise in (
        ("enforcing_success_rate", 0, "The least lucky Pod is thrown out."),
        ("enforcing_consecutive_5xx", 0, "An app that says 500 loses its Pods."),
        ("enforcing_consecutive_gateway_failure", 100, "By default it only counts."),
        ("split_external_local_origin_errors", True, "A lost connection counts as a 5xx."))),
    Line(f"{OUTLIERS} max_ejection_percent", between(10, 50), "No Pod is left."),
    *(Line(f"{PEER} circuit_breakers thresholds 0 {bound}", between(64, 512),
           "A slow peer takes all of this Pod's memory, or a burst is refused.")
      for bound in ("max_connections", "max_pending_requests", "max_requests")),
    Line(f"{PEER} {OPTIONS} common_http_protocol_options max_requests_per_connection",
         between(100, 10000), "Connections stay with the old Pods, new ones idle."),
]
TO_THE_BACK_END = [
    Line(f"{LEAD} match headers 0 string_match exact", says("POST"),
         "What is tried again may be something else than a lead."),
    Line(f"{LEAD} route timeout", between(5, 8.5),
         "The relay's own 9 s end first, and nobody knows why."),
    Line(f"{LEAD} route retry_policy retry_on",
         says("connect-failure,refused-stream,reset-before-request"),
         "A lead that may have been taken is sent twice at once."),
    Line(f"{LEAD} route retry_policy num_retries", says(1), "A failure multiplies the load."),
    Line(f"{LEAD} route auto_host_rewrite", says(True),
         "The back end is asked for a host it does not know."),
    Line(f"{TOKEN} route auto_host_rewrite", says(True),
         "Cognito is asked for a host it does not know."),
    Line(f"{TOKEN} route timeout", between(2, 6), "A hanging issuer holds up the renewal."),
]
# fmt: on
LINES = [*TO_THE_PEER, *TO_THE_BACK_END]
CASES = [pytest.param(line, "inquiry-relay", id=line.at) for line in LINES]
