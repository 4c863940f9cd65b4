"""Stacks that moto can make are made: what comes out is looked at, not what stands in a file.

moto knows none of EKS, Aurora, Firehose, WAF and Prometheus, and hands exports on only from stacks
that are made without a change set; so those are looked at by linters, and applying elsewhere.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, ip_network
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from infra.deploy import places
from infra.deploy.deployment import Deployment
from infra.deploy.places import Place
from infra.deploy.stacks import Stacks
from infra.deploy.templates import Template, chosen

MADE = ("keys", "network", "auth", "endpoints", "flow-logs", "notices", "secrets")


@pytest.fixture(scope="module")
def account() -> Iterator[boto3.Session]:
    """An empty one."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "none")
        yield boto3.Session(region_name="ap-northeast-1")


@pytest.fixture(scope="module")
def production(templates: dict[str, Template]) -> Place:
    """The larger place: a way out for each zone, and endpoints."""
    return places.read("production", templates=templates)


@pytest.fixture(scope="module")
def subnets(
    account: boto3.Session, production: Place, templates: dict[str, Template]
) -> Mapping[str, Any]:
    """Production's subnets by name, after all that moto can make has been made."""
    client = account.client("cloudformation")
    for template in chosen(templates, MADE):
        told = production.parameters_of(template)
        with warnings.catch_warnings(action="ignore"):  # of types that moto does not know
            client.create_stack(
                StackName=production.stack(template.name),
                TemplateBody=template.body,
                Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in told.items()],
                Capabilities=["CAPABILITY_IAM"],
            )
    found = account.client("ec2").describe_subnets()["Subnets"]
    tags = [(tag, each) for each in found for tag in each.get("Tags", ())]
    named = {tag["Value"]: each for tag, each in tags if tag["Key"] == "Name"}
    return {name.removeprefix("bukken-production "): each for name, each in named.items()}


def cidr(subnet: Mapping[str, Any]) -> IPv4Network:
    """A subnet's addresses."""
    found = ip_network(subnet["CidrBlock"])
    assert isinstance(found, IPv4Network)
    return found


def test_each_kind_of_subnet_is_in_three_zones(subnets: Mapping[str, Any]) -> None:
    """A lost zone takes a third of each, and no more."""
    for kind in ("public", "control", "nodes", "database"):
        zones = {subnets[f"{kind} {zone}"]["AvailabilityZone"] for zone in "ABC"}
        assert len(zones) == 3


def test_no_two_subnets_share_an_address(subnets: Mapping[str, Any]) -> None:
    """AWS would refuse the second, half an hour after the first."""
    ours = [cidr(each) for each in subnets.values()]
    twice = [(a, b) for a in ours for b in ours if a is not b and a.overlaps(b)]

    assert len(ours) == 12
    assert twice == []


def test_the_ranges_of_the_outputs_hold_their_subnets_and_no_other(
    account: boto3.Session, production: Place, subnets: Mapping[str, Any]
) -> None:
    """NetworkPolicies name them: one that held the nodes would open each Pod to each other."""
    stack = Stacks(account.client("cloudformation"), print).get(production.stack("network"))
    assert stack is not None
    outputs = {"public": "PublicCidr", "control": "ControlCidr", "database": "DatabaseCidr"}
    for kind, output in outputs.items():
        range_ = cidr({"CidrBlock": stack.outputs[output]})
        inside = {name for name, each in subnets.items() if cidr(each).subnet_of(range_)}
        assert inside == {f"{kind} {zone}" for zone in "ABC"}


def test_endpoints_are_in_each_zone(account: boto3.Session, subnets: Mapping[str, Any]) -> None:
    """Five that cost, in the nodes' three subnets; S3's in their routes."""
    found = account.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    nodes = {subnets[f"nodes {zone}"]["SubnetId"] for zone in "ABC"}

    assert sorted(each["ServiceName"].rpartition("ap-northeast-1.")[2] for each in found) == [
        "ecr.api", "ecr.dkr", "eks-auth", "kinesis-firehose", "s3", "secretsmanager",
    ]  # fmt: skip
    interfaces = [each for each in found if each["VpcEndpointType"] == "Interface"]
    assert all(set(each["SubnetIds"]) == nodes for each in interfaces)


def test_applying_makes_and_changes_a_stack(
    account: boto3.Session, templates: dict[str, Template]
) -> None:
    """The command's own way, by change sets: made, then told something else, and changed."""
    staging = places.read("staging", templates=templates)
    client = account.client("cloudformation")
    done: Any = AWSResponse("", 200, HTTPHeaders(), b""), {"ResponseMetadata": {}}
    protects = "before-call.cloudformation.UpdateTerminationProtection"
    client.meta.events.register(protects, lambda **_: done)  # moto has it not
    said: list[str] = []
    stacks = Stacks(client, said.append, pause=lambda _: None)
    for gateways in ("One", "PerZone"):
        told = replace(staging, values={**staging.values, "NatGateways": gateways})
        Deployment(told, [templates["network"]], stacks, said.append).apply()
    stack = stacks.get("bukken-staging-network")

    assert stack is not None
    assert stack.parameters["NatGateways"] == "PerZone"
    assert "  told anew: NatGateways: One -> PerZone" in said
