"""The situations that must fit: the autoscalers at both ends, with all zones and with one lost."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from k8s.node_budget.placement import Cluster, Placement, place
from k8s.node_budget.workloads import Workload


def situations(workloads: Iterable[Workload], *, cluster: Cluster) -> Iterator[Placement]:
    """Minimum and maximum, each with every zone and with the first one lost.

    The node groups are of one form, so it makes no difference which zone is lost.
    """
    workloads = list(workloads)
    without = replace(cluster, zones=cluster.zones[1:])
    lost = f"zone {cluster.zones[0]} lost"
    for load in ("minimum", "maximum"):
        pods = [(each, getattr(each, load)) for each in workloads]
        yield place(f"autoscaler {load}", pods=pods, cluster=cluster)
        yield place(f"autoscaler {load}, {lost}", pods=pods, cluster=without)


def faults(placements: Iterable[Placement]) -> Iterator[str]:
    """What does not fit, by name and with the reason; nothing means that all fits."""
    for placement in placements:
        for workload, count in placement.unplaced.items():
            reason = _reason(workload, cluster=placement.cluster)
            yield f"{placement.situation}: no place for {count} x {workload.name}: {reason}"


def _reason(workload: Workload, *, cluster: Cluster) -> str:
    type_, left, pod = cluster.node.instance_type, cluster.left, workload.pod
    if not pod.fits(left):
        return (
            f"one Pod may take {pod.memory} MiB and {pod.cpu}m; of a {type_}, {left.memory} MiB "
            f"and {left.cpu}m are left beside {', '.join(cluster.every_node)}"
        )
    return f"{len(cluster.zones)} zones of {cluster.maximum} {type_} are full"
