"""Each line of an overlay beside its components, with what it is there for."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from deployment.lines import Document, Line, between, change, says, take_out
from deployment.rendered import ON_AWS, generated, of_kind, one, rendered
from deployment.test_lines import of_the_wheel

CACHE = "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/docker-hub/"
ALB = "ingress metadata annotations alb.ingress.kubernetes.io"
PATHS = "ingress spec rules 0 http paths"
TLS = "issuer transport_socket typed_config common_tls_context"


def on_aws(overlay: str) -> Document:
    """An overlay's documents by what they are for."""
    documents = rendered(overlay)
    params = one(documents, "IngressClassParams", "bukken")["spec"]
    jobs = {each["metadata"]["name"].partition("-")[0]: each for each in of_kind(documents, "Job")}
    place = generated(documents, "envoy-place")["data"]["clusters.yaml"]
    return jobs | {
        "metadata": {"name": overlay},
        "parameters": generated(documents, "bukken")["data"],
        "ingress": one(documents, "Ingress", "bukken"),
        "class": one(documents, "IngressClass", "bukken"),
        "params": params,
        "attributes": {each["key"]: each["value"] for each in params["loadBalancerAttributes"]},
        "issuer": yaml.safe_load(place)["resources"][0],
        "dns": one(documents, "NetworkPolicy", "dns"),
        "defaults": one(documents, "LimitRange", "defaults"),
    }


def on_kind(overlay: str) -> Document:
    """The same of a plain cluster."""
    documents = rendered(overlay)
    jobs = {each["metadata"]["name"].partition("-")[0]: each for each in of_kind(documents, "Job")}
    issuer = one(documents, "Deployment", "issuer")
    return jobs | {"metadata": {"name": overlay}, "issuer": issuer}


def http_and_https(text: str, _: Document) -> bool:
    """Both listeners: HTTP is there to answer with a redirect."""
    try:
        return bool(json.loads(text) == [{"HTTP": 80}, {"HTTPS": 443}])
    except json.JSONDecodeError:
        return False


def envoy_of_the_wheel(image: str, document: Document) -> bool:
    """Through the registry's cache, the Envoy that the tests ran."""
    return image.startswith(CACHE) and of_the_wheel(image.removeprefix(CACHE), document)


def port_53(*protocols: str) -> list[dict[str, Any]]:
    """DNS's port, by these protocols."""
    return [{"port": 53, "protocol": each} for each in protocols]


# fmt: off
LINES = [
    Line("parameters envoy-image", envoy_of_the_wheel,
         "An Envoy is deployed that no test has run."),
    Line(f"{ALB}/listen-ports", http_and_https,
         "Without HTTPS nothing answers safely; without HTTP a typed address finds nobody."),
    Line(f"{PATHS} 0 pathType", says("Prefix"), "`/v1/listings` is nobody's path: 404 of the ALB."),
    Line(f"{PATHS} 1 pathType", says("Prefix"), "`/v1/listings` is nobody's path: 404 of the ALB."),
    Line("class spec controller", says("ingress.k8s.aws/alb"), "No ALB is made, and none says so."),
    Line("params scheme", says("internet-facing"), "Partners do not reach it."),
    Line("params subnets", says({"tags": {"kubernetes.io/role/elb": ["1"]}}),
         "The load balancer stands in private subnets, where nobody's requests arrive."),
    Line("params targetType", says("ip"), "By way of a node's port: another hop, another drain."),
    Line("params sslPolicy", says("ELBSecurityPolicy-TLS13-1-2-2021-06"),
         "By default 2016-08: it speaks TLS 1.0."),
    Line("params sslRedirectPort", says("443"), "HTTP leads where nothing listens."),
    Line("attributes deletion_protection.enabled", says("true"),
         "An annotation of anybody's takes the protection off."),
    Line("attributes access_logs.s3.enabled", says("true"), "Who asked what is known by nobody."),
    Line(f"{TLS} tls_params tls_minimum_protocol_version", says("TLSv1_2"),
         "The keys that prove every token come by a protocol that is broken."),
    Line(f"{TLS} validation_context match_typed_subject_alt_names 0 san_type", says("DNS"),
         "No certificate has the name as a URI: no keys, and every token is refused."),
    Line("issuer cluster_type typed_config typed_dns_resolver_config typed_config "
         "dns_resolver_options no_default_search_domain", says(True),
         "Each look-up is five, and whoever owns a search domain may answer as the issuer."),
    Line("dns spec egress 0 ports", says(port_53("UDP", "TCP")),
         "A long answer is cut off, and asked for again by TCP in vain."),
    Line("defaults spec limits 0 max memory", says("1Gi"),
         "Less refuses a Pod of ours; more lets a slip of the pen starve a node."),
    Line("defaults spec limits 0 defaultRequest memory", says("128Mi"),
         "A container without numbers counts as nothing."),
    Line("defaults spec limits 0 default memory", says("128Mi"),
         "The node gives the difference to the request away twice."),
    Line("migrate spec ttlSecondsAfterFinished", between(86400, 2592000),
         "At once: its log is gone before it is read, and the next apply migrates again."),
    Line("migrate spec template spec priorityClassName", says("bukken-serving"),
         "A release waits behind a batch."),
    Line("bootstrap spec template spec priorityClassName", says("bukken-serving"),
         "The first release waits behind a batch."),
]
KIND_LINES = [
    Line("issuer spec strategy type", says("Recreate"),
         "Two issuers sign with different keys, and each other's tokens are refused."),
    Line("migrate spec ttlSecondsAfterFinished", between(10, 120),
         "The next apply finds the finished Job and leaves a new database empty."),
    Line("bootstrap spec ttlSecondsAfterFinished", between(10, 120),
         "The next apply finds the finished Job and leaves a new database without roles."),
]
# fmt: on
Place = Callable[[str], Document]
CASES = [
    pytest.param(line, place, overlay, id=f"{overlay}: {line.at}")
    for lines, place, overlays in ((LINES, on_aws, ON_AWS), (KIND_LINES, on_kind, ("kind",)))
    for line in lines
    for overlay in overlays
]


@pytest.mark.parametrize(("line", "place", "overlay"), CASES)
def test_each_line_is_there(line: Line, place: Place, overlay: str) -> None:
    """The overlay says what is needed, or what the row foretells happens."""
    assert line.holds(place(overlay)), line.otherwise


@pytest.mark.parametrize("mutate", [take_out, change])
@pytest.mark.parametrize(("line", "place", "overlay"), CASES)
def test_each_check_can_fail(
    line: Line, place: Place, overlay: str, mutate: Callable[[Document, str], None]
) -> None:
    """With the line taken out, or with another value, its check fails."""
    mutated = place(overlay)
    mutate(mutated, line.at)

    assert not line.holds(mutated)
