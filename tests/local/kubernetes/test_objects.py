from pathlib import Path

import pytest

from bukken_local.kubernetes.objects import (
    Namespace,
    PodDisruptionBudget,
    Service,
    read_objects,
)
from bukken_local.kubernetes.reading import ManifestNotUnderstood, Meaning

SOURCE = Path("k8s/base/thing.yaml")

SERVICE = """
kind: ConfigMap
---
---
apiVersion: v1
kind: Service
metadata: {{name: thing}}
spec: {{clusterIP: {address}, selector: {{name: thing}}}}
"""

BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: thing}}
spec: {{selector: {{matchLabels: {{name: thing}}}}{rules}}}
"""

NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata: {{name: thing, labels: {labels}}}
"""


def read(kind: type[Meaning], text: str) -> list[Meaning]:
    """All objects of a kind in a text."""
    return list(read_objects(kind, text, source=SOURCE))


def test_a_service_is_found_among_other_kinds_and_finds_its_pods() -> None:
    """Its selector is met by a Pod that has at least these labels."""
    (service,) = read(Service, SERVICE.format(address="None"))

    assert service.finds({"name": "thing", "more": "labels"})
    assert not service.finds({"name": "other"})


def test_a_service_with_an_address_of_its_own_is_refused() -> None:
    """Nobody here would answer at it: the DNS knows headless ones alone."""
    with pytest.raises(ManifestNotUnderstood, match=r"k8s/base/thing.yaml: .*clusterIP"):
        read(Service, SERVICE.format(address="10.0.0.1"))


@pytest.mark.parametrize("rules", ["", ", maxUnavailable: 1, minAvailable: 1"])
def test_a_budget_says_one_thing(rules: str) -> None:
    """Neither or both of its two numbers is refused, as the API server does."""
    with pytest.raises(ManifestNotUnderstood, match="exactly one of maxUnavailable, minAvailable"):
        read(PodDisruptionBudget, BUDGET.format(rules=rules))


@pytest.mark.parametrize(
    ("labels", "gated"),
    [("{elbv2.k8s.aws/pod-readiness-gate-inject: enabled}", True), ("{other: enabled}", False)],
)
def test_the_namespace_says_whether_new_pods_are_gated(labels: str, *, gated: bool) -> None:
    """Only its label makes the load balancer's controller hold a Pod back."""
    (namespace,) = read(Namespace, NAMESPACE.format(labels=labels))

    assert namespace.gates_new_pods == gated
