"""Whatever names something else names what is there: the mistake nobody is told about."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from deployment.rendered import (
    OVERLAYS,
    Document,
    Documents,
    containers,
    name_of,
    of_kind,
    one,
    rendered,
    template,
    workloads,
)

Labels = dict[str, str]


def selected(selector: dict[str, Any], labels: Labels) -> bool:
    """Whether a label selector matches."""
    exact = selector.get("matchLabels", {})
    among = {each["key"]: each["values"] for each in selector.get("matchExpressions", ())}
    return exact.items() <= labels.items() and all(
        labels.get(key) in values for key, values in among.items()
    )


def labels_of(workload: Document) -> Labels:
    """What its Pods carry."""
    labels: Labels = template(workload)["metadata"]["labels"]
    return labels


def selectors(document: Document) -> Iterator[dict[str, Any]]:
    """Every selector that should match a Pod of this namespace."""
    spec = document["spec"]
    if document["kind"] == "Service":
        yield {"matchLabels": spec["selector"]}
    if document["kind"] in {"PodDisruptionBudget", "Deployment"}:
        yield spec["selector"]
    if document["kind"] == "NetworkPolicy":
        yield spec["podSelector"]
        for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
            for peer in rule.get("from", rule.get("to", ())):
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    yield peer["podSelector"]


def that_match_nothing(documents: Documents) -> Iterator[str]:
    """Selectors that find no Pod."""
    pods = [labels_of(workload) for workload in workloads(documents)]
    kinds = ("Service", "PodDisruptionBudget", "Deployment", "NetworkPolicy")
    for document in of_kind(documents, *kinds):
        for selector in selectors(document):
            if not any(selected(selector, labels) for labels in pods):
                yield f"{name_of(document)} selects no Pod: {selector}"


def that_miss_their_own(documents: Documents) -> Iterator[str]:
    """Deployments, and rules about where their Pods go, that do not match their own Pods."""
    for workload in of_kind(documents, "Deployment"):
        own = [("itself", workload["spec"]["selector"])]
        spreads = template(workload)["spec"].get("topologySpreadConstraints", ())
        own += [(rule["topologyKey"], rule["labelSelector"]) for rule in spreads]
        for what, selector in own:
            if not selected(selector, labels_of(workload)):
                yield f"{name_of(workload)}: {what} does not select its own Pods"


def ports_that_lead_nowhere(documents: Documents) -> Iterator[str]:
    """Services whose port is none of the Pods' named ports."""
    for service in of_kind(documents, "Service"):
        behind = [
            workload
            for workload in workloads(documents)
            if selected({"matchLabels": service["spec"]["selector"]}, labels_of(workload))
        ]
        for workload in behind:
            named = {
                port["name"] for each in containers(workload) for port in each.get("ports", ())
            }
            for port in service["spec"]["ports"]:
                if port["targetPort"] not in named:
                    yield f"{name_of(service)}: {port['targetPort']} is no port of its Pods"


def references(workload: Document) -> Iterator[tuple[str, str]]:
    """What a Pod needs to start: kind and name."""
    pod = template(workload)["spec"]
    for field, kind in (
        ("serviceAccountName", "ServiceAccount"),
        ("priorityClassName", "PriorityClass"),
    ):
        if field in pod:
            yield kind, pod[field]
    for each in containers(workload):
        for variable in each.get("env", ()):
            if "valueFrom" in variable:
                yield "ConfigMap", variable["valueFrom"]["configMapKeyRef"]["name"]
    for volume in pod.get("volumes", ()):
        yield from _mounted(volume)


def _mounted(volume: Document) -> Iterator[tuple[str, str]]:
    if "configMap" in volume:
        yield "ConfigMap", volume["configMap"]["name"]
    if "secret" in volume:
        yield "Secret", volume["secret"]["secretName"]
    if "csi" in volume:
        yield "SecretProviderClass", volume["csi"]["volumeAttributes"]["secretProviderClass"]
    for source in volume.get("projected", {}).get("sources", ()):
        yield "Secret", source["secret"]["name"]


def that_are_not_there(documents: Documents) -> Iterator[str]:
    """What Pods and autoscalers name and nobody makes."""
    there = {(each["kind"], each["metadata"]["name"]) for each in documents}
    for workload in workloads(documents):
        for kind, name in references(workload):
            if (kind, name) not in there:
                yield f"{name_of(workload)} needs {kind} {name}"
    for scaler in of_kind(documents, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) not in there:
            yield f"{name_of(scaler)} scales {target['kind']} {target['name']}"


RULES: tuple[Callable[[Documents], Iterator[str]], ...] = (
    that_match_nothing,
    that_miss_their_own,
    ports_that_lead_nowhere,
    that_are_not_there,
)


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_left_loose(rule: Callable[[Documents], Iterator[str]], overlay: str) -> None:
    """Every selector, port and reference finds what it means."""
    assert list(rule(rendered(overlay))) == []


def _spread_of_another(documents: Documents) -> None:
    """The EKS guide's own example: it spreads `express-test`, its Pods are `web-server`."""
    rules = template(one(documents, "Deployment", "query-api"))["spec"]["topologySpreadConstraints"]
    rules[0]["labelSelector"] = {"matchLabels": {"app": "express-test"}}


def _policy_of_a_typing_slip(documents: Documents) -> None:
    policy = one(documents, "NetworkPolicy", "query-api")
    policy["spec"]["podSelector"] = {"matchLabels": {"app.kubernetes.io/name": "query-apl"}}


def _port_by_another_name(documents: Documents) -> None:
    one(documents, "Service", "query-api")["spec"]["ports"][0]["targetPort"] = "web"


def _secret_class_of_nobody(documents: Documents) -> None:
    (volume,) = (
        each
        for each in template(one(documents, "Deployment", "query-api"))["spec"]["volumes"]
        if each["name"] == "database"
    )
    volume["csi"]["volumeAttributes"]["secretProviderClass"] = "query"


@pytest.mark.parametrize(
    ("mistake", "rule"),
    [
        (_spread_of_another, that_miss_their_own),
        (_policy_of_a_typing_slip, that_match_nothing),
        (_port_by_another_name, ports_that_lead_nowhere),
        (_secret_class_of_nobody, that_are_not_there),
    ],
)
def test_a_loose_end_is_named(
    mistake: Callable[[Documents], None], rule: Callable[[Documents], Iterator[str]]
) -> None:
    """With the mistake in it, the overlay is refused."""
    documents = rendered("staging")
    mistake(documents)

    assert list(rule(documents)) != []
