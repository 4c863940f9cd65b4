"""The budget as text: what a node has, what runs, and how full each situation makes the zones."""

from collections.abc import Iterable, Iterator, Sequence

from k8s.node_budget.placement import Cluster, Placement
from k8s.node_budget.quantities import Amount
from k8s.node_budget.workloads import Workload


def of(placements: Sequence[Placement], *, running: Iterable[Workload]) -> str:
    """The whole budget: one node, one Pod of each workload, every situation."""
    parts = (
        _node_rows(placements[0].cluster),
        _workload_rows(running),
        _situation_rows(placements),
    )
    return "\n\n".join("\n".join(rows) for rows in parts)


def _node_rows(cluster: Cluster) -> Iterator[str]:
    """What of a node is left for our Pods, subtraction by subtraction."""
    node = cluster.node
    yield f"{'One ' + node.instance_type:50}{'memory':>10}{'cpu':>9}"
    yield _row("reaches the kernel", node.capacity)
    for name, amount in (node.reserved | cluster.every_node).items():
        yield _row(f"- {name}", amount)
    yield _row(f"left for Pods (at most {node.max_pods} in all)", cluster.left)


def _workload_rows(workloads: Iterable[Workload]) -> Iterator[str]:
    """What one Pod of each workload may take, and how many there may be."""
    yield f"{'One Pod of':50}{'memory':>10}{'cpu':>9}{'minimum':>9}{'maximum':>9}"
    for each in workloads:
        yield f"{_row(each.name, each.pod)}{each.minimum:>9}{each.maximum:>9}"


def _situation_rows(placements: Iterable[Placement]) -> Iterator[str]:
    """For each situation the nodes of each zone, and how full they are."""
    yield f"{'Situation':46}{'nodes by zone':>16}{'Pods':>6}{'memory':>8}{'cpu':>6}{'fullest':>9}"
    for each in placements:
        yield _situation(each)


def _situation(placement: Placement) -> str:
    allocatable = placement.cluster.node.allocatable
    count = len(placement.nodes)
    taken = sum((each.taken for each in placement.nodes), Amount())
    by_zone = " ".join(f"{zone}:{len(placement.in_zone(zone))}" for zone in placement.cluster.zones)
    fullest = max(each.taken.memory for each in placement.nodes) / allocatable.memory
    return (
        f"{placement.situation:46}{by_zone:>16}{sum(len(each.pods) for each in placement.nodes):>6}"
        f"{taken.memory / (allocatable.memory * count):>8.0%}"
        f"{taken.cpu / (allocatable.cpu * count):>6.0%}{fullest:>9.0%}"
    )


def _row(name: str, amount: Amount) -> str:
    return f"{name:50}{amount.memory:>6} MiB{amount.cpu:>8}m"
