"""Which Pods run at once, and what each takes: read from rendered manifests and from nodes.yaml."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from k8s.node_budget.quantities import Amount, amount

# From a Pod's creation to ready, at the quickest: the quicker they start, the more end beside them.
START_UP_SECONDS = 5


_COUNTED = {"Deployment", "StatefulSet", "Job"}
_UNCOUNTED = {"CronJob", "DaemonSet", "Pod", "ReplicaSet", "ReplicationController"}


class UncountedError(ValueError):
    """A container whose memory nobody can count, because nothing limits it, or a kind not known."""


@dataclass(frozen=True)
class Workload:
    """Pods of one form.

    Attributes:
        name: namespace/name, as `kubectl` would say it.
        pod: what one Pod may take: its memory limits, its CPU requests.
        minimum: Pods at the autoscaler's minimum.
        maximum: Pods at its maximum in the middle of a rolling update: see `at_once`.
        spread: no zone may have two Pods more than another (`DoNotSchedule`).
    """

    name: str
    pod: Amount
    minimum: int
    maximum: int
    spread: bool


def may_take(container: dict[str, Any], *, of: str) -> Amount:
    """What a container may take of its node: CPU as requested, memory up to its limit.

    The scheduler counts requests. A limit above the request is memory that it gave to somebody else
    as well: on the day both take it, the node dies of Pods that nobody counted.

    Raises:
        UncountedError: there is no memory limit, or no request for CPU or memory.
    """
    resources = container.get("resources", {})
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for kind, given in (("request", requests), ("limit", limits)):
        if "memory" not in given:
            raise UncountedError(f"{of}: container {container['name']} has no memory {kind}")
    if amount({"memory": limits["memory"]}) != amount({"memory": requests["memory"]}):
        raise UncountedError(
            f"{of}: container {container['name']} may take {limits['memory']} of memory "
            f"but asks for {requests['memory']}: the node gives the difference away twice"
        )
    if "cpu" not in requests:
        raise UncountedError(f"{of}: container {container['name']} has no cpu request")
    return amount(requests)


def pod_amount(spec: dict[str, Any], *, of: str) -> Amount:
    """What a Pod takes: apps and sidecars together, or an init step beside the sidecars before it.

    Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/

    Raises:
        UncountedError: one of its containers cannot be counted.
    """
    sidecars = step = Amount()
    for container in spec.get("initContainers", []):
        takes = may_take(container, of=of)
        if container.get("restartPolicy") == "Always":
            sidecars += takes
        step = step.or_more(sidecars if container.get("restartPolicy") else sidecars + takes)
    apps = (may_take(each, of=of) for each in spec["containers"])
    return step.or_more(sum(apps, sidecars))


def from_manifests(documents: Iterable[dict[str, Any]]) -> Iterator[Workload]:
    """Every Deployment, StatefulSet and Job, with its autoscaler's numbers where it has one.

    Raises:
        UncountedError: there is another kind that makes Pods, or a container that nobody limits.
    """
    documents = list(documents)
    scales = {
        (each["metadata"]["namespace"], each["spec"]["scaleTargetRef"]["name"]): each["spec"]
        for each in documents
        if each["kind"] == "HorizontalPodAutoscaler"
    }
    for each in documents:
        if each["kind"] in _UNCOUNTED:
            raise UncountedError(
                f"{each['kind']} {each['metadata']['name']}: nobody counts its Pods; "
                "what every node carries stands in nodes.yaml, all else is a Deployment or a Job"
            )
        if each["kind"] in _COUNTED:
            key = each["metadata"]["namespace"], each["metadata"]["name"]
            yield _workload("/".join(key), each["spec"], scale=scales.get(key))


def _workload(name: str, spec: dict[str, Any], *, scale: dict[str, int] | None) -> Workload:
    pod = spec["template"]["spec"]
    replicas = spec.get("replicas", spec.get("parallelism", 1))
    minimum, maximum = (scale["minReplicas"], scale["maxReplicas"]) if scale else (replicas,) * 2
    return Workload(
        name=name,
        pod=pod_amount(pod, of=name),
        minimum=minimum,
        maximum=at_once(spec, replicas=maximum),
        spread=any(
            each["topologyKey"] == "topology.kubernetes.io/zone"
            and each["whenUnsatisfiable"] == "DoNotSchedule"
            for each in pod.get("topologySpreadConstraints", [])
        ),
    )


def at_once(spec: dict[str, Any], *, replicas: int) -> int:
    """Pods that hold memory and connections at the worst moment of a rolling update.

    The replicas, the surge, and those still in their grace period: while one of them ends, as many
    others have been replaced as start-up and `minReadySeconds` fit into it (6 replicas with a surge
    of 1 were seen to be 10).
    """
    surge: int = spec.get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", 0)
    if not surge:
        return replicas
    grace: int = spec["template"]["spec"]["terminationGracePeriodSeconds"]
    replaced_every: int = START_UP_SECONDS + spec["minReadySeconds"]
    return replicas + surge + math.ceil(grace / replaced_every)


def on_every_node(described: dict[str, Any]) -> dict[str, Amount]:
    """What the DaemonSets take of each node, by name.

    Raises:
        UncountedError: one of them cannot be counted.
    """
    return {each["name"]: pod_amount(each, of=each["name"]) for each in described["daemonSets"]}


def of_the_cluster(described: dict[str, Any]) -> Iterator[Workload]:
    """The cluster's own Pods (DNS, controllers), which share the nodes with ours.

    Raises:
        UncountedError: one of them cannot be counted.
    """
    for each in described["deployments"]:
        name, replicas = each["name"], each["replicas"]
        yield Workload(name, pod_amount(each, of=name), replicas, replicas, spread=False)
