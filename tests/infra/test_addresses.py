"""Addresses, Pods, memory and nodes fit together when everything is at its maximum."""

import json
import math
import re
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from deployment.rendered import rendered
from stack_documents import of_type, properties

from infra.deploy.places import Place
from infra.deploy.templates import Template
from k8s.node_budget import nodes
from k8s.node_budget.nodes import INSTANCE_TYPES, kube_reserved
from k8s.node_budget.workloads import from_manifests

ROOT = Path(__file__).parents[2]
AWS_KEEPS = 5  # of each subnet
# Each endpoint has an interface in the nodes' subnets; the load balancer's are in the public ones,
# of which it wants eight to be free.
OTHERS = 6
# EKS asks for six addresses in each of the cluster's subnets, and advises sixteen: it makes as many
# interfaces again in an upgrade. The collector has one there.
CONTROL = 16 + 1
ALB_GROWS_TO = 100
WARM = 2  # addresses that a node keeps ready (k8s/cluster/addons.yaml)


@pytest.fixture
def described() -> dict[str, object]:
    """The nodes, as they are counted."""
    return nodes.read(ROOT / "k8s/cluster/nodes.yaml")


def free(templates: dict[str, Template], subnet: str) -> int:
    """Addresses of a subnet."""
    block = properties(templates, f"network/{subnet}")["CidrBlock"]["Fn::Sub"]
    return ip_network(block.replace("${AddressPrefix}", "10.20")).num_addresses - AWS_KEEPS


@pytest.mark.parametrize("zone", "ABC")
def test_a_zones_subnet_holds_all_its_nodes_and_their_pods(
    zone: str, templates: dict[str, Template], place: Place
) -> None:
    """At the maximum, and with as many nodes again in the middle of an update."""
    most = int(place.values["MostForEachZone"])
    each = 1 + int(place.values["MaxPods"]) + WARM

    assert 2 * most * each + OTHERS <= free(templates, f"Nodes{zone}")


@pytest.mark.parametrize("zone", "ABC")
def test_a_public_subnet_holds_a_load_balancer_that_grew(
    zone: str, templates: dict[str, Template]
) -> None:
    """And the NAT gateway."""
    assert free(templates, f"Public{zone}") >= ALB_GROWS_TO + 1


@pytest.mark.parametrize("zone", "ABC")
def test_a_control_subnet_holds_what_the_cluster_and_the_collector_put_in(
    zone: str, templates: dict[str, Template]
) -> None:
    """Without addresses there an upgrade of the cluster fails."""
    assert free(templates, f"Control{zone}") >= CONTROL


@pytest.mark.parametrize("kind", ["Database", "Control"])
@pytest.mark.parametrize("zone", "ABC")
def test_database_and_control_have_no_way_out(
    zone: str, kind: str, templates: dict[str, Template]
) -> None:
    """Their routes are those of no gateway; the nodes' lead to one of their own zone."""
    routes = of_type(templates, "AWS::EC2::Route").values()
    out = {str(each["Properties"]["RouteTableId"]): each["Properties"] for each in routes}
    kept_in = properties(templates, f"network/{kind}{zone}Routes")
    nodes_way = out[str({"Ref": f"Nodes{zone}Routes"})]["NatGatewayId"]

    assert kept_in["RouteTableId"] == {"Ref": f"{kind}Routes"}
    assert str({"Ref": f"{kind}Routes"}) not in out
    assert f"Nat{zone}" in str(nodes_way)


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_every_pod_at_the_maximum_finds_an_address_on_a_node(overlay: str, place: Place) -> None:
    """With a zone lost, on the nodes of the other two."""
    pods = sum(each.maximum for each in from_manifests(rendered(overlay)))
    on_two_zones = 2 * int(place.values["MostForEachZone"]) * int(place.values["MaxPods"])
    of_the_cluster = 2 * int(place.values["MostForEachZone"]) * 10

    assert pods + of_the_cluster <= on_two_zones


def test_the_nodes_are_those_that_are_counted(
    templates: dict[str, Template], place: Place, described: dict[str, object]
) -> None:
    """Type, number, and what is kept from Pods: one file says it, the stack is told it."""
    told = place.parameters_of(templates["nodes"])
    instance = INSTANCE_TYPES[str(described["instanceType"])]

    assert told["InstanceType"] == described["instanceType"]
    assert int(told["MaxPods"]) == instance.max_pods
    assert json.loads(told["KubeReserved"]) == {
        "cpu": f"{kube_reserved(instance).cpu}m",
        "memory": f"{kube_reserved(instance).memory}Mi",
    }


def test_the_three_groups_differ_in_their_zone_alone(templates: dict[str, Template]) -> None:
    """Pods are spread over all of them; the reasons stand beside the first."""
    groups = [dict(properties(templates, f"nodes/Zone{zone}")) for zone in "ABC"]
    subnets = [str(each.pop("Subnets")) for each in groups]

    assert groups[0] == groups[1] == groups[2]
    assert len(set(subnets)) == 3


def test_every_type_that_may_be_chosen_is_one_that_can_be_counted(
    templates: dict[str, Template],
) -> None:
    """Of another one `make node-budget` knows no numbers."""
    allowed = templates["nodes"].parameters["InstanceType"]["AllowedValues"]

    assert set(allowed) <= INSTANCE_TYPES.keys()


def test_the_kubelet_is_told_all_of_it(templates: dict[str, Template], place: Place) -> None:
    """The launch template's text, with what it is told put in, is the configuration meant."""
    data = properties(templates, "nodes/Template")["LaunchTemplateData"]
    text = data["UserData"]["Fn::Base64"]["Fn::Sub"]
    told = place.parameters_of(templates["nodes"])
    filled = re.sub(r"\$\{(\w+)\}", lambda name: told[name[1]], text)
    head, _, part = filled.partition("Content-Type: application/node.eks.aws\n\n")
    config = yaml.safe_load(part.partition("\n--//--")[0])["spec"]["kubelet"]["config"]

    assert head.startswith("MIME-Version: 1.0\nContent-Type: multipart/mixed")
    assert config["maxPods"] == int(told["MaxPods"])
    assert config["kubeReserved"] == json.loads(told["KubeReserved"])
    assert config["systemReserved"] == {"cpu": "100m", "memory": "300Mi"}
    assert config["evictionHard"]["memory.available"] == "5%"


def test_a_configuration_fits_into_a_parameter(place: Place) -> None:
    """CloudFormation takes 4,096 characters."""
    longest = max(place.values.values(), key=len)

    assert len(longest) <= 4096


def test_alarms_of_connections_come_before_the_end(place: Place) -> None:
    """At four fifths of what the database accepts, as the alarm says."""
    accepted = int(place.values["MaxConnections"])

    assert int(place.values["MostConnections"]) == math.floor(0.8 * accepted)
