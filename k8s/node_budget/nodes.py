"""What of a node is left for Pods: the instance type's memory less all that is reserved on it.

Sources: Amazon's nodeadm (internal/kubelet/config.go) for the reservations of the EKS AMI,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html for addresses,
Karpenter's `VM_MEMORY_OVERHEAD_PERCENT` for what never reaches the kernel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from k8s.node_budget.quantities import Amount, amount, parse


@dataclass(frozen=True)
class InstanceType:
    """An EC2 instance type, by the numbers that decide how many Pods it carries."""

    vcpus: int
    memory_gib: int
    interfaces: int
    addresses_per_interface: int

    @property
    def max_pods(self) -> int:
        """Pods that get an address: one of each interface's is its own; two Pods use the host's."""
        return self.interfaces * (self.addresses_per_interface - 1) + 2


# Those the CloudFormation template allows. Burstable ones are for the test of the accident and for
# trying things out: a node that has used up its CPU credits looks like a slow application.
INSTANCE_TYPES = {
    "t3.medium": InstanceType(2, 4, 3, 6),
    "t3.large": InstanceType(2, 8, 3, 12),
    "m7i.large": InstanceType(2, 8, 3, 10),
    "m7g.large": InstanceType(2, 8, 3, 10),
    "m7i.xlarge": InstanceType(4, 16, 4, 15),
    "m7g.xlarge": InstanceType(4, 16, 4, 15),
}

# Of 8 GiB bought some 7.6 reach the kernel, and it differs from host to host. Karpenter takes 7.5 %
# as the part that never arrives; a budget must not hope for more.
_NEVER_ARRIVES = 0.075


@dataclass(frozen=True)
class Node:
    """A node as the scheduler sees it."""

    instance_type: str
    capacity: Amount
    reserved: dict[str, Amount]
    max_pods: int

    @property
    def allocatable(self) -> Amount:
        """What the scheduler may give to Pods, DaemonSets' included."""
        return self.capacity - sum(self.reserved.values(), Amount())


class UnknownInstanceTypeError(ValueError):
    """The instance type's numbers are not known here."""


class UnusableNodesError(ValueError):
    """The description of the nodes lacks something, or says what cannot be."""


# What is needed of nodes.yaml, each as the names on the way to it.
_NEEDED = (
    "instanceType",
    "zones",
    "nodesPerZone minimum",
    "nodesPerZone maximum",
    "kubelet systemReserved",
    "kubelet evictionHard memory.available",
    "daemonSets",
    "deployments",
)

_FEWEST_ZONES = 2  # one of them is lost in every second situation


def check(described: dict[str, Any]) -> None:
    """Refuses a description that the budget cannot be computed from.

    Raises:
        UnusableNodesError: something is missing; there are not two zones of different names, so
            that one may be lost; or a zone's nodes are not between one and the maximum.
    """
    for path in _NEEDED:
        if _at(described, path) is None:
            raise UnusableNodesError(f"the description of the nodes has no {path}")
    _check_zones(described["zones"])
    _check_count(**described["nodesPerZone"])
    _check_entries(described["daemonSets"], needs=("name", "containers"))
    _check_entries(described["deployments"], needs=("name", "containers", "replicas"))


def _check_zones(zones: Any) -> None:  # noqa: ANN401 — YAML
    names = {str(each) for each in zones} if isinstance(zones, list) else set()
    if len(names) < _FEWEST_ZONES or len(names) < len(zones):
        raise UnusableNodesError(f"zones {zones}: it takes two of different names to lose one")


def _check_count(*, minimum: Any, maximum: Any) -> None:  # noqa: ANN401 — YAML
    whole = isinstance(minimum, int) and isinstance(maximum, int)
    if not (whole and 1 <= minimum <= maximum):
        raise UnusableNodesError(
            f"nodesPerZone {minimum} to {maximum}: it takes at least 1, and at most the maximum"
        )


def _check_entries(entries: list[Any], *, needs: tuple[str, ...]) -> None:
    for entry in entries:
        for name in needs:
            if _at(entry, name) is None:
                raise UnusableNodesError(f"{entry}: an entry needs a line {name!r}")


def _at(described: Any, path: str) -> Any:  # noqa: ANN401 — YAML
    for name in path.split():
        described = described.get(name) if isinstance(described, dict) else None
    return described


def kube_reserved(instance: InstanceType) -> Amount:
    """What the EKS AMI reserves for kubelet and container runtime: it grows with the Pods allowed.

    CPU: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of all others.
    """
    shares = [60, 10, 5, 5] + [2.5] * max(0, instance.vcpus - 4)
    return Amount(cpu=int(sum(shares[: instance.vcpus])), memory=255 + 11 * instance.max_pods)


def node(given: dict[str, Any]) -> Node:
    """The node that k8s/cluster/nodes.yaml describes.

    Raises:
        UnknownInstanceTypeError: it names a type that is not in `INSTANCE_TYPES`.
    """
    name = given["instanceType"]
    if not isinstance(name, str) or name not in INSTANCE_TYPES:
        known = ", ".join(INSTANCE_TYPES)
        raise UnknownInstanceTypeError(f"instanceType {name!r} is none of {known}")
    instance = INSTANCE_TYPES[name]
    bought = instance.memory_gib * 1024
    capacity = Amount(instance.vcpus * 1000, int(bought * (1 - _NEVER_ARRIVES)))
    kubelet = given["kubelet"]
    return Node(
        instance_type=name,
        capacity=capacity,
        reserved={
            "kubeReserved": kube_reserved(instance),
            "systemReserved": amount(kubelet["systemReserved"]),
            "evictionHard": _eviction(kubelet["evictionHard"]["memory.available"], of=capacity),
        },
        max_pods=instance.max_pods,
    )


def _eviction(threshold: str, *, of: Amount) -> Amount:
    if str(threshold).endswith("%"):
        return Amount(memory=int(of.memory * parse(threshold[:-1]) / 100))
    return amount({"memory": threshold})


def read(path: Path) -> dict[str, Any]:
    """The description of the nodes and of what each carries."""
    described: dict[str, Any] = yaml.safe_load(path.read_text())
    return described
