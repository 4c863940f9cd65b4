"""Puts Pods on nodes as the scheduler and the node autoscaler would, within the groups' limits.

It is an estimate from the safe side: each zone has its own node group, Pods are placed one by one
on the emptiest node that has room, and a zone gets another node only when none has. The real
scheduler has more to choose by, and can do no better with what does not fit at all.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from k8s.node_budget.nodes import Node
from k8s.node_budget.quantities import Amount
from k8s.node_budget.workloads import Workload

NO_ROOM = Amount(-1, -1)


@dataclass(frozen=True)
class Cluster:
    """What there may be: the zones that are up, their nodes, and what every node carries."""

    zones: tuple[str, ...]
    minimum: int
    maximum: int
    node: Node
    every_node: dict[str, Amount]

    @property
    def left(self) -> Amount:
        """What an empty node has for Pods of ours, once every DaemonSet is on it."""
        return self.node.allocatable - sum(self.every_node.values(), Amount())


@dataclass
class Used:
    """A running node and the Pods on it, DaemonSets' first."""

    zone: str
    node: Node
    pods: list[tuple[str, Amount]]

    @property
    def taken(self) -> Amount:
        """What its Pods may take together."""
        return sum((takes for _, takes in self.pods), Amount())

    @property
    def room(self) -> Amount:
        """What is left for one more Pod; none when the node's addresses are used up."""
        if len(self.pods) >= self.node.max_pods:
            return NO_ROOM
        return self.node.allocatable - self.taken


@dataclass
class Placement:
    """One situation: the nodes with their Pods, and of each workload the Pods without a place."""

    situation: str
    cluster: Cluster
    nodes: list[Used] = field(default_factory=list)
    unplaced: Counter[Workload] = field(default_factory=Counter)

    def start(self, zone: str) -> Used:
        """One more node, with every DaemonSet on it."""
        node = Used(zone, self.cluster.node, list(self.cluster.every_node.items()))
        self.nodes.append(node)
        return node

    def in_zone(self, zone: str) -> list[Used]:
        """The running nodes of a zone."""
        return [each for each in self.nodes if each.zone == zone]

    def find(self, pod: Amount, *, zone: str) -> Used | None:
        """The emptiest node of the zone that has room, a new one if the group may grow, or none."""
        nodes = self.in_zone(zone)
        if not any(pod.fits(each.room) for each in nodes) and len(nodes) < self.cluster.maximum:
            nodes = [self.start(zone)]
        fitting = [each for each in nodes if pod.fits(each.room)]
        return max(fitting, key=lambda each: each.room.memory, default=None)


def place(situation: str, *, pods: Iterable[tuple[Workload, int]], cluster: Cluster) -> Placement:
    """Places so many Pods of each workload, the largest first."""
    placement = Placement(situation, cluster)
    for zone in cluster.zones * cluster.minimum:
        placement.start(zone)
    for workload, count in sorted(pods, key=lambda each: -each[0].pod.memory):
        _place(workload, count=count, into=placement)
    return placement


def _place(workload: Workload, *, count: int, into: Placement) -> None:
    by_zone = Counter(dict.fromkeys(into.cluster.zones, 0))
    for _ in range(count):
        zones = _zones_to_try(by_zone, spread=workload.spread)
        found = (into.find(workload.pod, zone=zone) for zone in zones)
        node = next((each for each in found if each is not None), None)
        if node is None:
            into.unplaced[workload] += 1
        else:
            node.pods.append((workload.name, workload.pod))
            by_zone[node.zone] += 1


def _zones_to_try(by_zone: Counter[str], *, spread: bool) -> list[str]:
    """The emptiest of this workload first; with a spread of maxSkew 1, only those."""
    order = sorted(by_zone, key=lambda zone: by_zone[zone])
    return [zone for zone in order if by_zone[zone] == by_zone[order[0]]] if spread else order
