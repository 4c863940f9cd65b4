"""What stands beside a Deployment in its file: who finds its Pods, who may take them away."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from bukken_local.kubernetes.manifests import Metadata
from bukken_local.kubernetes.quantities import NumberOrShare
from bukken_local.kubernetes.reading import Ignored, Meaning, Section, of_kind, understood

READINESS_GATE = "elbv2.k8s.aws/pod-readiness-gate-inject"
"""The namespace's label upon which the load balancer controller gates each new Pod."""


class Selector(Section, frozen=True):
    """Which Pods are meant."""

    match_labels: dict[str, str]

    def meets(self, labels: Mapping[str, str]) -> bool:
        """Whether a Pod with these labels is."""
        return self.match_labels.items() <= labels.items()


class ServiceSpec(Section, frozen=True):
    """A headless Service: a name for the addresses of Pods."""

    selector: dict[str, str]
    cluster_ip: Literal["None"] = msgspec.field(name="clusterIP")  # no other kind has a name here
    publish_not_ready_addresses: bool = False
    ports: Ignored = None  # a DNS name of a headless Service has addresses alone


class Service(Section, frozen=True):
    """A Service."""

    kind: Literal["Service"]
    metadata: Metadata
    spec: ServiceSpec
    api_version: Literal["v1"]

    @property
    def name(self) -> str:
        """Its name, the first part of its name in DNS."""
        return self.metadata.name

    @property
    def is_for_envoys(self) -> bool:
        """Whether Envoys ask for it; by its name, since what else it says a drill may change."""
        return self.name.endswith("-mesh")

    def finds(self, labels: Mapping[str, str]) -> bool:
        """Whether a Pod with these labels is one of it."""
        return self.spec.selector.items() <= labels.items()


class BudgetSpec(Section, frozen=True):
    """How many Pods must stay, or may go, when somebody asks politely."""

    selector: Selector
    max_unavailable: NumberOrShare | None = None
    min_available: NumberOrShare | None = None
    unhealthy_pod_eviction_policy: Literal["AlwaysAllow", "IfHealthyBudget"] = "IfHealthyBudget"

    def __post_init__(self) -> None:
        if (self.max_unavailable is None) == (self.min_available is None):
            raise ValueError("a budget needs exactly one of maxUnavailable, minAvailable")


class PodDisruptionBudget(Section, frozen=True):
    """A PodDisruptionBudget."""

    kind: Literal["PodDisruptionBudget"]
    metadata: Metadata
    spec: BudgetSpec
    api_version: Literal["policy/v1"]


class NamespaceMetadata(Section, frozen=True):
    """Its name and labels."""

    name: str
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: Ignored = None


class Namespace(Section, frozen=True):
    """The namespace, for its labels."""

    kind: Literal["Namespace"]
    metadata: NamespaceMetadata
    api_version: Literal["v1"]

    @property
    def gates_new_pods(self) -> bool:
        """Whether a new Pod is ready only when the load balancer has found it healthy."""
        return self.metadata.labels.get(READINESS_GATE) == "enabled"


def read_objects(kind: type[Meaning], text: str, *, source: Path) -> Iterator[Meaning]:
    """Every object of a kind among the documents of a file.

    Raises:
        ManifestNotUnderstood: one says what the runner cannot do.
    """
    for document in of_kind(kind.__name__, text):
        yield understood(document, kind, source=source)
