"""The load balancer: what it sends where, what it asks, and who may change that."""

import json
from collections.abc import Callable, Iterator, Mapping

import pytest
from deployment.rendered import ON_AWS, ROOT, Document, Documents, base_document, one, rendered

PREFIX = "alb.ingress.kubernetes.io/"
# All that stands in both: the controller asks the annotation alone before it deletes.
PROTECTED = "deletion_protection.enabled=true"
# What a class's parameters pin is not for an Ingress to say: any author could say otherwise.
PINNED = {
    "group.name": "group",
    "scheme": "scheme",
    "certificate-arn": "certificateArn",
    "ssl-policy": "sslPolicy",
    "ssl-redirect": "sslRedirectPort",
    "wafv2-acl-arn": "wafv2AclArn",
    "load-balancer-attributes": "loadBalancerAttributes",
    "target-type": "targetType",
    "subnets": "subnets",
}


def annotations(documents: Documents) -> Mapping[str, str]:
    """The Ingress's, without their prefix."""
    said = one(documents, "Ingress", "bukken")["metadata"]["annotations"]
    return {key.removeprefix(PREFIX): value for key, value in said.items()}


def pairs(text: str) -> Mapping[str, str]:
    """`a=1,b=2` as a mapping."""
    return dict(each.partition("=")[::2] for each in text.split(","))


def faults(documents: Documents) -> Iterator[str]:
    """What would be sent wrong, or could be taken over."""
    ingress = one(documents, "Ingress", "bukken")
    class_spec = one(documents, "IngressClassParams", "bukken")["spec"]
    said = annotations(documents)
    yield from (
        f"{key} is an annotation: any Ingress may say otherwise"
        for key in PINNED
        if key in said and key != "load-balancer-attributes"
    )
    if said.get("load-balancer-attributes") != PROTECTED:
        yield f"load-balancer-attributes is not {PROTECTED}: a deleted Ingress takes the ALB away"
    yield from (f"{key} is not pinned" for key in PINNED.values() if key not in class_spec)
    yield from _misrouted(ingress, said)
    group = pairs(said["target-group-attributes"])
    mitigates = group.get("load_balancing.algorithm.anomaly_mitigation") == "on"
    if mitigates and group.get("load_balancing.algorithm.type") != "weighted_random":
        yield "anomaly mitigation needs weighted_random"
    if mitigates and "slow_start.duration_seconds" in group:
        yield "anomaly mitigation and slow start exclude each other"
    if not mitigates:
        yield "a target that answers with errors while its check passes gets its full share"
    attributes = {each["key"]: each["value"] for each in class_spec["loadBalancerAttributes"]}
    if attributes.get("routing.http.drop_invalid_header_fields.enabled") != "true":
        yield "X_Client_Id reaches the targets"


def _misrouted(ingress: Document, said: Mapping[str, str]) -> Iterator[str]:
    (rule,) = ingress["spec"]["rules"]
    order = [path["backend"]["service"]["name"] for path in rule["http"]["paths"]]
    conditional = [name for name in order if f"conditions.{name}" in said]
    if order != ["query-api", "command-api"] or conditional != ["query-api"]:
        yield f"the rule with a condition must come first, and be the only one: {order}"
    for name in conditional:
        (condition,) = json.loads(said[f"conditions.{name}"])
        if condition["httpRequestMethodConfig"]["Values"] != ["GET", "HEAD"]:
            yield f"other methods than GET and HEAD go to {name}"


@pytest.mark.parametrize("overlay", ON_AWS)
def test_the_load_balancer_does_what_its_stand_in_does(overlay: str) -> None:
    """Methods to sides; what is dangerous is pinned in the class."""
    assert list(faults(rendered(overlay))) == []


def _command_first(documents: Documents) -> None:
    one(documents, "Ingress", "bukken")["spec"]["rules"][0]["http"]["paths"].reverse()


def _condition_of_nobody(documents: Documents) -> None:
    """The controller ignores a condition whose name is no Service of the rule."""
    said = one(documents, "Ingress", "bukken")["metadata"]["annotations"]
    said[f"{PREFIX}conditions.query"] = said.pop(f"{PREFIX}conditions.query-api")


def _group_by_annotation(documents: Documents) -> None:
    """The controller's own documents warn of it: anybody may join, and put rules before ours."""
    one(documents, "Ingress", "bukken")["metadata"]["annotations"][f"{PREFIX}group.name"] = "bukken"


def _slow_start(documents: Documents) -> None:
    said = one(documents, "Ingress", "bukken")["metadata"]["annotations"]
    said[f"{PREFIX}target-group-attributes"] += ",slow_start.duration_seconds=30"


def _protection_of_the_class_alone(documents: Documents) -> None:
    """The controller switches it off by itself, and deletes."""
    said = one(documents, "Ingress", "bukken")["metadata"]["annotations"]
    del said[f"{PREFIX}load-balancer-attributes"]


def _attribute_by_annotation(documents: Documents) -> None:
    said = one(documents, "Ingress", "bukken")["metadata"]["annotations"]
    said[f"{PREFIX}load-balancer-attributes"] += ",idle_timeout.timeout_seconds=4000"


def _no_firewall(documents: Documents) -> None:
    del one(documents, "IngressClassParams", "bukken")["spec"]["wafv2AclArn"]


@pytest.mark.parametrize(
    "mistake",
    [
        _command_first,
        _condition_of_nobody,
        _group_by_annotation,
        _slow_start,
        _protection_of_the_class_alone,
        _attribute_by_annotation,
        _no_firewall,
    ],
)
def test_a_mistake_is_named(mistake: Callable[[Documents], None]) -> None:
    """With it the Ingress is refused."""
    documents = rendered("staging")
    mistake(documents)

    assert list(faults(documents)) != []


@pytest.mark.parametrize("overlay", ON_AWS)
def test_it_asks_what_the_kubelet_asks(overlay: str) -> None:
    """One question, one answer: a Pod is a target exactly while it is ready."""
    said = annotations(rendered(overlay))
    envoy = base_document("query-api", "Deployment")["spec"]["template"]["spec"]["initContainers"][
        0
    ]

    assert said["healthcheck-path"] == envoy["readinessProbe"]["httpGet"]["path"]
    assert (said["healthcheck-port"], said["success-codes"]) == ("traffic-port", "200")


@pytest.mark.parametrize("overlay", ON_AWS)
def test_only_our_namespace_may_use_the_class(overlay: str) -> None:
    """Another namespace's Ingress of this class would join our load balancer."""
    spec = one(rendered(overlay), "IngressClassParams", "bukken")["spec"]

    assert spec["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "bukken"}}


def test_the_way_in_is_not_in_the_base() -> None:
    """A plain cluster has no controller that would read it."""
    assert "Ingress" not in (ROOT / "k8s/base/kustomization.yaml").read_text()
    assert not any(each["kind"].startswith("Ingress") for each in rendered("kind"))
