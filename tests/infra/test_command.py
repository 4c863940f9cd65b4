"""The command as a whole, on an account that moto keeps: whose it is, what is planned and found."""

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from infra.deploy import places
from infra.deploy.__main__ import main
from infra.deploy.errors import NotThereYet
from infra.deploy.load_balancer import LoadBalancer

ACCOUNT = "123456789012"  # moto's
REGION = "ap-northeast-1"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """An empty account, and credentials for it."""
    with mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "none")
        yield boto3.Session(region_name=REGION)


@pytest.fixture
def account(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> list[str]:  # noqa: ARG001 — it must be there
    """Whose account staging's file names: moto's, unless a test says otherwise."""
    named, read = [ACCOUNT], places.read
    monkeypatch.setattr(places, "read", lambda *a, **b: replace(read(*a, **b), account=named[0]))
    return named


def test_an_empty_account_is_planned_and_stays_empty(
    account: list[str], session: boto3.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would be made is told; not even a name is left behind."""
    assert account
    assert main(["plan", "staging", "network", "flow-logs"]) == 0

    said = capsys.readouterr().out
    assert "43 resources are added" in said
    assert "flow-logs: all of it is added, after keys, network (3 resources)" in said
    assert session.client("cloudformation").describe_stacks()["Stacks"] == []


def test_another_accounts_credentials_are_refused(
    account: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Production's place with staging's credentials, and the other way round."""
    account[0] = "222233334444"

    assert main(["apply", "staging", "network"]) == 1
    said = capsys.readouterr().err
    assert f"these credentials are of account {ACCOUNT}; this is for 222233334444" in said


def test_a_stack_that_there_is_not_is_named(
    account: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With those that there are."""
    assert account
    assert main(["plan", "staging", "netwrok"]) == 1

    said = capsys.readouterr().err
    assert "'netwrok' is none of " in said
    assert "network" in said


def test_outputs_of_an_empty_account_are_not_there_yet(
    account: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And no file is touched."""
    assert account
    before = (places.ROOT / "k8s/staging/parameters.env").read_text()

    assert main(["outputs", "staging"]) == 1
    assert "not made yet" in capsys.readouterr().err
    assert (places.ROOT / "k8s/staging/parameters.env").read_text() == before


@pytest.fixture
def subnets(session: boto3.Session) -> list[str]:
    """Two of them, in two zones."""
    ec2 = session.resource("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")
    made = [
        vpc.create_subnet(CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for n, zone in enumerate("ac")
    ]
    return [each.id for each in made]


def test_the_load_balancer_is_found_by_its_tags(session: boto3.Session, subnets: list[str]) -> None:
    """Ours, among others of the account: by cluster and group, as its controller marks it."""
    client = session.client("elbv2")
    for name, cluster in (("theirs", "another"), ("ours", "bukken-staging")):
        tags = {"elbv2.k8s.aws/cluster": cluster, "ingress.k8s.aws/stack": "bukken"}
        marks = [{"Key": key, "Value": value} for key, value in tags.items()]
        client.create_load_balancer(Name=name, Subnets=subnets, Tags=marks)  # type: ignore[arg-type] # so they are
    found = LoadBalancer(session, "bukken-staging").told()

    assert found is not None
    assert found["LoadBalancerName"].startswith("ours-")
    assert found.keys() == {"LoadBalancerName", "LoadBalancerZoneId"}


def test_waiting_for_a_load_balancer_has_an_end(session: boto3.Session) -> None:
    """Which says where to look."""
    waited: list[float] = []

    with pytest.raises(NotThereYet, match="describe ingress bukken"):
        LoadBalancer(session, "bukken-staging", pause=waited.append).awaited()
    assert sum(waited) == 1200
