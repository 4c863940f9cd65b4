"""Each line of what the cluster itself needs, with what it is there for."""

import re
from collections.abc import Callable

import pytest
from deployment.lines import Document, Line, between, change, says, take_out
from deployment.test_cluster import addons, values


def cluster() -> Document:
    """What each add-on and chart is configured with, and who the add-ons are to AWS."""
    identities = {each["name"]: each["identity"] for each in addons() if "identity" in each}
    return values() | {"metadata": {"name": "cluster"}, "identities": identities}


def zones_of(key: str, name: str) -> list[Document]:
    """The Pods of this label over the zones, but rather in one than nowhere."""
    return [
        {
            "topologyKey": "topology.kubernetes.io/zone",
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {key: name}},
        }
    ]


def of_the_clusters_minor(tag: str, _: Document) -> bool:
    """1.36, the cluster's, or the one before while its image is not out."""
    return re.fullmatch(r"v1\.3[56]\.\d+", tag) is not None


def sends_to_firehose(outputs: str, _: Document) -> bool:
    """One output for all, to the stream, whose backlog on disk has an end."""
    names = re.findall(r"^ *Name +(\S+)$", outputs, re.MULTILINE)
    wanted = ("Match *", "delivery_stream bukken-logs", "storage.total_limit_size 1G")
    return names == ["kinesis_firehose"] and all(each in outputs for each in wanted)


def waits_on_disk(inputs: str, _: Document) -> bool:
    """Each input, with a note of how far it has come."""
    count = inputs.count("[INPUT]")
    of_each = ("storage.type filesystem", " DB /var/log/")
    return count > 0 and all(inputs.count(each) == count for each in of_each)


def leaves_out_what_was_good(filters: str, _: Document) -> bool:
    """All conditions together, of containers' lines; what they match: tests/infra."""
    return filters.count(" Exclude log ") == 4 and all(
        each in filters for each in ("Name grep\n", "Match kube.*\n", "Logical_Op AND\n")
    )


def has_a_place_on_disk(service: str, _: Document) -> bool:
    """Where chunks wait, and how few of them in memory."""
    return all(each in service for each in ("storage.path /var/log/", "storage.max_chunks_up 16\n"))


LBC = "aws-load-balancer-controller"
SPREAD = zones_of("app.kubernetes.io/name", LBC)
DNS_SPREAD = zones_of("k8s-app", "kube-dns")
DRIVER = "aws-secrets-store-csi-driver-provider secrets-store-csi-driver"
ARGUMENTS = "cluster-autoscaler extraArgs"
LOST = "A drain of several nodes takes all at once."
# fmt: off
LINES = [
    Line("identities vpc-cni", says("kube-system/aws-node"), "No Pod gets an address."),
    Line("identities fluent-bit", says("fluent-bit/fluent-bit"), "No line leaves its node."),
    Line("vpc-cni env WARM_IP_TARGET", says("2"), "Subnets run out of addresses before nodes do."),
    Line("vpc-cni env MINIMUM_IP_TARGET", says("10"), "A new node's first Pods wait one by one."),
    Line("coredns topologySpreadConstraints", says(DNS_SPREAD),
         "A lost zone takes all names with it; with DoNotSchedule those left wait for its return."),
    Line("coredns podDisruptionBudget maxUnavailable", says(1), LOST),
    Line(f"{DRIVER} rotationPollInterval", says("2m"),
         "A rotated password is refused for as long as this, at each new connection."),
    Line("fluent-bit config outputs", sends_to_firehose,
         "By the chart's default all goes to an elasticsearch-master that nobody has."),
    Line("fluent-bit config inputs", waits_on_disk,
         "By default lines wait in 5 MB of memory, and are read again or lost after a restart."),
    Line("fluent-bit config filters", leaves_out_what_was_good,
         "Splunk is paid by the line: a sample that was turned up costs all that Envoy saved."),
    Line("fluent-bit config service", has_a_place_on_disk,
         "Chunks fill twice the memory limit: the shipper is killed when it is needed most."),
    Line(f"{LBC} replicaCount", between(2, 3),
         "While its node is drained nothing is made a target."),
    Line(f"{LBC} topologySpreadConstraints", says(SPREAD),
         "A lost zone takes both, and with the webhook that fails closed every new Pod."),
    Line(f"{LBC} priorityClassName", says("system-cluster-critical"), "It makes room for a batch."),
    Line(f"{LBC} podDisruptionBudget maxUnavailable", says(1), LOST),
    Line(f"{LBC} defaultTargetType", says("ip"), "Others' targets are nodes."),
    Line(f"{LBC} createIngressClassResource", says(False), "Everybody's class: a second way in."),
    Line(f"{LBC} enableServiceMutatorWebhook", says(False),
         "Each new Service in the cluster waits for this controller."),
    Line(f"{LBC} keepTLSSecret", says(True), "In the minute of an upgrade new Pods are refused."),
    Line("cluster-autoscaler image tag", of_the_clusters_minor,
         "It decides by another Kubernetes' scheduler."),
    Line("cluster-autoscaler replicaCount", between(2, 3), "While its node ends no other is made."),
    Line("cluster-autoscaler priorityClassName", says("system-cluster-critical"),
         "On full nodes it waits for the node that it should make."),
    Line("cluster-autoscaler podDisruptionBudget maxUnavailable", says(1), LOST),
    Line(f"{ARGUMENTS} balance-similar-node-groups", says(True), "One zone gets all new nodes."),
    Line(f"{ARGUMENTS} skip-nodes-with-system-pods", says(False), "No node ever goes again."),
    Line(f"{ARGUMENTS} skip-nodes-with-local-storage", says(False),
         "An emptyDir keeps each node: none ever goes again."),
    Line(f"{ARGUMENTS} max-graceful-termination-sec", between(90, 300),
         "Pods are cut off while they drain: they may take 90 s."),
]
# fmt: on
CASES = [pytest.param(line, id=line.at) for line in LINES]


@pytest.mark.parametrize("line", CASES)
def test_each_line_is_there(line: Line) -> None:
    """The values say what is needed, or what the row foretells happens."""
    assert line.holds(cluster()), line.otherwise


@pytest.mark.parametrize("mutate", [take_out, change])
@pytest.mark.parametrize("line", CASES)
def test_each_check_can_fail(line: Line, mutate: Callable[[Document, str], None]) -> None:
    """With the line taken out, or with another value, its check fails."""
    mutated = cluster()
    mutate(mutated, line.at)

    assert not line.holds(mutated)
