"""Planning: plain words for what would happen, and nothing left behind by having asked."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from standing_cloudformation import CloudFormation, change

from infra.deploy.deployment import Deployment
from infra.deploy.drift import Drift
from infra.deploy.errors import StackFailed
from infra.deploy.stacks import Stacks
from infra.deploy.words import Change

NETWORK = "bukken-staging-network"
DATABASE = "bukken-staging-database"
Deploy = Callable[..., Deployment]

BY_SUBNETS = {
    "Target": {"Attribute": "Properties", "Name": "Subnets", "RequiresRecreation": "Always"},
}
REPLACED = "is REPLACED: another one is made, then this one ends"
BY_TAGS = {"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}}


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (change("Topic", "AWS::SNS::Topic", "Add"), "Topic, SNS::Topic, is added"),
        (change("Topic", "AWS::SNS::Topic", "Remove"), "Topic, SNS::Topic, is removed"),
        (
            change("ZoneA", "AWS::EKS::Nodegroup", Replacement="False", Details=[BY_TAGS]),
            "ZoneA, EKS::Nodegroup, is changed (by tags)",
        ),
        (
            change(
                "ZoneA", "AWS::EKS::Nodegroup", Replacement="True", Details=[BY_TAGS, BY_SUBNETS]
            ),
            f"ZoneA, EKS::Nodegroup, {REPLACED} (by Subnets)",
        ),
        (
            change("ZoneA", "AWS::EKS::Nodegroup", Replacement="Conditional"),
            "ZoneA, EKS::Nodegroup, is changed, and may be REPLACED",
        ),
        (
            change("ZoneA", "AWS::EKS::Nodegroup", "Dynamic"),
            "ZoneA, EKS::Nodegroup, is decided while it runs",
        ),
    ],
)
def test_a_change_is_a_sentence(what: dict[str, object], sentence: str) -> None:
    """It says whether something ends, and by which property."""
    assert str(Change.of("nodes", what)) == sentence


def test_a_plan_leaves_nothing_behind(aws: CloudFormation, deploy: Deploy) -> None:
    """Neither of a stack that is there, nor of one that is not, a trace is left."""
    aws.statuses[NETWORK] = ["CREATE_COMPLETE"]

    assert deploy("network", "keys").plan() is True
    assert aws.proposed == set()
    assert list(aws.statuses) == [NETWORK]


def test_a_plan_says_what_ends_first_and_what_it_holds_back(
    aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """And it does none of it."""
    aws.statuses |= {f"bukken-staging-{each}": ["UPDATE_COMPLETE"] for each in ("keys", "network")}
    aws.statuses[DATABASE] = ["UPDATE_COMPLETE"]
    aws.changes[DATABASE] = [
        change("Door", "AWS::EC2::SecurityGroup", Replacement="False"),
        change("Cluster", "AWS::RDS::DBCluster", Replacement="True"),
    ]

    assert deploy("database").plan() is False
    assert "Cluster" in said[1]
    assert said[-1].startswith("HELD BACK: database/Cluster (AWS::RDS::DBCluster) would end")
    assert aws.diary == [f"UPDATE {DATABASE}"]


def test_on_an_empty_account_the_whole_platform_is_planned(deploy: Deploy, said: list[str]) -> None:
    """What takes from stacks that are not there yet is told by its template."""
    assert deploy("keys", "network", "database").plan() is True
    assert said[-1] == "database: all of it is added, after keys, network (8 resources)"


def test_a_stack_that_is_there_is_not_said_to_be_new(
    aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """Until what it takes is there nobody knows its plan: a replacement may be in it."""
    aws.statuses[DATABASE] = ["UPDATE_COMPLETE"]
    deploy("database").plan()

    assert said == ["database: not known before keys, network: apply those, and plan again"]


def test_a_plan_does_not_delete_what_somebody_has_begun_to_make(
    aws: CloudFormation, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a proposal and the look at it another person's `apply` may have carried it out."""
    described = aws._DescribeChangeSet  # noqa: SLF001 — answers as before, a little later

    def begun(asked: Mapping[str, Any]) -> dict[str, Any]:
        aws.statuses[NETWORK] = ["CREATE_IN_PROGRESS"]
        return described(asked)

    monkeypatch.setattr(aws, "_DescribeChangeSet", begun)
    deploy("network").plan()

    assert aws.diary == [f"CREATE {NETWORK}"]


def test_two_people_plan_at_once(aws: CloudFormation, deploy: Deploy) -> None:
    """Each has a proposal of its own; who is done takes away his, and leaves the other's."""
    aws.statuses[NETWORK] = ["UPDATE_COMPLETE"]
    mine, theirs = deploy("network"), deploy("network")
    template, parameters = mine.templates[0], mine.place.parameters_of(mine.templates[0])

    def propose(who: Deployment) -> list[Change] | None:
        return who.stacks.propose(
            NETWORK, body=template.body, parameters=parameters, new=False, template="network"
        )

    assert propose(mine)
    assert propose(theirs)
    mine.stacks.forget(NETWORK, new=False)

    assert aws.proposed == {(NETWORK, theirs.stacks.change_set)}


def test_a_plan_of_a_new_stack_leaves_another_persons_alone(
    aws: CloudFormation, deploy: Deploy
) -> None:
    """Its name would go, and what the other one looks at with it."""
    theirs = (NETWORK, "infra-deploy-of-another")
    aws.statuses[NETWORK] = ["REVIEW_IN_PROGRESS"]
    aws.proposed.add(theirs)
    deploy("network").plan()

    assert aws.proposed == {theirs}
    assert aws.statuses == {NETWORK: ["REVIEW_IN_PROGRESS"]}


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [
        ("OldSubnet", "its export OldSubnet would go, and bukken-staging-nodes take it"),
        ("NodesSubnetA", "its export NodesSubnetA would be another, since NodesA is replaced, and"),
        ("DatabaseCidr", "DatabaseCidr would be another, since AddressPrefix is told anew, and"),
    ],
)
def test_an_export_that_is_taken_and_cannot_go_is_said(
    taken: str, sentence: str, aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """A change set does not know it: CloudFormation refuses it in the middle of the update."""
    aws.statuses[NETWORK] = ["UPDATE_COMPLETE"]
    aws.outputs[NETWORK] = {taken: "subnet-1"}
    aws.parameters[NETWORK] = {"AddressPrefix": "10.99"}
    aws.imports[f"{NETWORK}-{taken}"] = ["bukken-staging-nodes"]
    aws.changes[NETWORK] = [change("NodesA", "AWS::EC2::Subnet", Replacement="True")]

    assert deploy("network").plan() is False
    assert said[-1].startswith("HELD BACK: network: ")
    assert sentence in said[-1]
    assert said[-1].endswith("Change those first, so that they do without it, and apply them alone")


def test_an_export_that_nobody_takes_may_go(aws: CloudFormation, deploy: Deploy) -> None:
    """And so may one change that is taken, and stays what it is."""
    aws.statuses[NETWORK] = ["UPDATE_COMPLETE"]
    aws.outputs[NETWORK] = {"OldSubnet": "subnet-1", "NodesSubnetA": "subnet-2"}
    aws.imports[f"{NETWORK}-NodesSubnetA"] = ["bukken-staging-nodes"]
    aws.changes[NETWORK] = [
        change("NodesA", "AWS::EC2::Subnet", Replacement="False"),
        change("NodesB", "AWS::EC2::Subnet", Replacement="True"),
    ]

    assert deploy("network").plan() is True


def test_what_a_stack_is_told_anew_is_said(
    aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """A changed parameter is often all that was changed."""
    aws.statuses[NETWORK] = ["UPDATE_COMPLETE"]
    aws.parameters[NETWORK] = {"NatGateways": "PerZone", "AddressPrefix": "10.20"}
    deploy("network").plan()

    assert [each for each in said if "told anew" in each] == [
        "  told anew: NatGateways: PerZone -> One"
    ]


@pytest.mark.parametrize("status", ["ROLLBACK_FAILED", "UPDATE_IN_PROGRESS"])
def test_a_stack_that_cannot_be_planned_is_said_to_be_so(
    status: str, aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """A plan is not stopped by it: the rest is told as well."""
    aws.statuses[NETWORK] = [status]
    deploy("network", "keys").plan()

    assert f"network: {status}; `apply` deals with that first" in said
    assert "keys:" in said


def test_a_change_set_that_cannot_be_made_has_its_reason(
    aws: CloudFormation, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation's own words."""
    refused = {"Status": "FAILED", "StatusReason": "Parameter AddressPrefix failed to satisfy"}
    monkeypatch.setattr(aws, "_DescribeChangeSet", lambda _: refused)

    with pytest.raises(StackFailed, match="Parameter AddressPrefix failed"):
        deploy("network").plan()


def test_what_somebody_changed_by_hand_is_told(aws: CloudFormation) -> None:
    """Resource, property, what it is and should be; what is gone. A failed stack is not asked."""
    drift = {
        "StackId": NETWORK,
        "Timestamp": "2026-11-22T00:00:00Z",
        "ResourceType": "AWS::EC2::SecurityGroup",
    }
    difference = {
        "PropertyPath": "/SecurityGroupIngress/0/CidrIp",
        "ExpectedValue": "10.0.0.0/16",
        "ActualValue": "0.0.0.0/0",
        "DifferenceType": "NOT_EQUAL",
    }
    aws.drifts[NETWORK] = [
        {**drift, "LogicalResourceId": "Door", "StackResourceDriftStatus": "MODIFIED",
         "PropertyDifferences": [difference]},
        {**drift, "LogicalResourceId": "Clients", "StackResourceDriftStatus": "DELETED"},
    ]  # fmt: skip
    aws.statuses |= {NETWORK: ["UPDATE_COMPLETE"], DATABASE: ["CREATE_FAILED"]}
    stacks = Stacks(aws.client(), print)
    there = [stack for stack in map(stacks.get, (NETWORK, DATABASE)) if stack]
    found = list(Drift(aws.client(), pause=lambda _: None).found(there))

    changed, deleted = found
    assert changed.startswith(f"{NETWORK}: Door (EC2::SecurityGroup) was changed by hand: ")
    assert changed.endswith("/CidrIp is 0.0.0.0/0, should be 10.0.0.0/16")
    assert deleted == f"{NETWORK}: Clients (EC2::SecurityGroup) was deleted by hand"
