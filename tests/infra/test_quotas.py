"""AWS's own limits hold the platform at its maximum, or the first page says what to ask AWS for.

The numbers are the defaults of a new account (Service Quotas), those that we come near to.
"""

import re
from pathlib import Path

import pytest
from stack_documents import of_type, properties, statements

from infra.deploy.places import Place
from infra.deploy.templates import Template
from k8s.node_budget.nodes import INSTANCE_TYPES

ADDRESSES = 5  # elastic ones of a region
GROUPS_OF_AN_INTERFACE = 5
POLICY_CHARACTERS = 10_240  # all inline policies of a role, without white space
ROLES_OF_A_NEW_ACCOUNT = 1_000
PAGE = Path(__file__).parents[2] / "docs/operating/new-account.md"


def asked_for(quota: str) -> int:
    """What the page says is needed of a quota."""
    (found,) = re.findall(rf"--quota-code {quota} +# [a-zA-Z]+: (\d+)", PAGE.read_text())
    return int(found)


def test_nodes_at_the_maximum_and_in_an_update_are_what_is_asked_for(place: Place) -> None:
    """A new account has five vCPUs: the third node would not come."""
    groups, surge = 3, 1
    most = int(place.values["MostForEachZone"])
    vcpus = INSTANCE_TYPES[place.values["InstanceType"]].vcpus

    assert asked_for("L-1216C47A") == groups * (most + surge) * vcpus


def test_public_addresses_are_enough(place: Place) -> None:
    """Each NAT gateway has one; the load balancer's are not of this quota."""
    gateways = 3 if place.values["NatGateways"] == "PerZone" else 1

    assert gateways <= asked_for("L-0263D0A3") <= ADDRESSES


def test_a_node_carries_no_more_groups_than_it_may(templates: dict[str, Template]) -> None:
    """EKS's own, the database's clients; room for the load balancer controller's."""
    groups = properties(templates, "nodes/Template")["LaunchTemplateData"]["SecurityGroupIds"]

    assert len(groups) < GROUPS_OF_AN_INTERFACE


@pytest.mark.parametrize("role", ["controllers/LoadBalancers", "workloads/Bootstrap"])
def test_a_roles_policies_fit(role: str, templates: dict[str, Template]) -> None:
    """With each name put in at its longest; AWS refuses the role otherwise, when it is made."""
    text = str([each for path, each in statements(templates) if path == role])
    longest = re.sub(r"\$\{[^}]+\}|Fn::\w+", "x" * 20, re.sub(r"\s", "", text))

    assert len(longest) < POLICY_CHARACTERS


def test_roles_are_few(templates: dict[str, Template]) -> None:
    """A platform is far from filling an account."""
    assert len(of_type(templates, "AWS::IAM::Role")) < ROLES_OF_A_NEW_ACCOUNT / 10
