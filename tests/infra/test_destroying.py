"""Taking a platform down: each guard holds by itself; then all goes, the last stack first."""

import json
from collections.abc import Callable, Mapping

import pytest
from standing_cloudformation import CloudFormation

from infra.deploy import places
from infra.deploy.destruction import Destruction
from infra.deploy.errors import Refused, StackFailed
from infra.deploy.stacks import Stacks
from infra.deploy.templates import Template, in_order

KEYS, DATABASE = "bukken-staging-keys", "bukken-staging-database"


class LoadBalancer:
    """One that is there, or not."""

    def __init__(self, arn: str | None) -> None:
        """Takes AWS's name of it."""
        self._arn = arn

    def arn(self) -> str | None:
        """AWS's name of it, if it is there."""
        return self._arn


Destroy = Callable[..., Destruction]


@pytest.fixture
def destroy(aws: CloudFormation, said: list[str], templates: Mapping[str, Template]) -> Destroy:
    """A destruction of staging, of which two stacks are there."""
    aws.statuses |= {KEYS: ["UPDATE_COMPLETE"], DATABASE: ["UPDATE_COMPLETE"]}
    aws.protected |= {KEYS, DATABASE}

    def made(*, typed: str | None = "bukken-staging", arn: str | None = None) -> Destruction:
        return Destruction(
            place=places.read("staging", templates=templates),
            templates=in_order(templates),
            stacks=Stacks(aws.client(), said.append, pause=lambda _: None),
            say=said.append,
            load_balancer=LoadBalancer(arn),
            typed=typed,
        )

    return made


@pytest.mark.parametrize("typed", [None, "staging", "bukken-production"])
def test_the_platforms_name_must_be_typed(
    typed: str | None, aws: CloudFormation, destroy: Destroy
) -> None:
    """And what would go is told."""
    with pytest.raises(Refused, match=r"deletes database, keys; .* --really bukken-staging"):
        destroy(typed=typed).go()
    assert aws.diary == []


def test_nothing_goes_while_the_load_balancer_stands(aws: CloudFormation, destroy: Destroy) -> None:
    """Its controller would be gone, and nobody could delete it or what hangs on it."""
    with pytest.raises(Refused, match="load balancer still stands"):
        destroy(arn="arn:aws:elasticloadbalancing:x").go()
    assert aws.diary == []


def test_nothing_goes_while_anything_is_protected(aws: CloudFormation, destroy: Destroy) -> None:
    """That is let go of by a change of its own, in the place's file."""
    aws.parameters[DATABASE] = {"Protected": "true"}

    with pytest.raises(Refused, match="database: Protected is true"):
        destroy().go()
    assert aws.diary == []


def test_all_goes_backwards_and_what_is_kept_is_told(
    aws: CloudFormation, destroy: Destroy, said: list[str]
) -> None:
    """A snapshot that nobody knows of costs for ever, and is found by nobody."""
    destroy().go()

    assert aws.diary == [f"delete {DATABASE}", f"delete {KEYS}"]
    assert aws.statuses == {}
    assert "  database/Cluster: leaves a snapshot of made-Cluster" in said
    assert "  keys/Data: stays as it is, made-Data" in said


def test_what_stays_is_said_by_the_template_that_the_stack_has(
    aws: CloudFormation, destroy: Destroy, said: list[str], templates: Mapping[str, Template]
) -> None:
    """It may have been made by another commit, and CloudFormation goes by that one's policies."""
    body = templates["database"].body
    aws.bodies[DATABASE] = body.replace("DeletionPolicy: Snapshot", "DeletionPolicy: Retain")
    aws.bodies[KEYS] = json.dumps({"Resources": {"Data": {}, "Logs": {"DeletionPolicy": "Delete"}}})
    destroy().go()

    kept = [line.strip() for line in said if line.startswith("  ")]
    assert "database/Cluster: stays as it is, made-Cluster" in kept
    assert not [line for line in kept if line.startswith("keys/")]


def test_what_cannot_go_stops_it_with_the_reason(aws: CloudFormation, destroy: Destroy) -> None:
    """What lies below is still needed by it."""
    aws.coming[DATABASE] = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]

    with pytest.raises(StackFailed, match=f"{DATABASE}: DELETE_FAILED"):
        destroy().go()
    assert KEYS in aws.statuses


def test_again_it_goes_on_with_what_is_left(aws: CloudFormation, destroy: Destroy) -> None:
    """A stack whose deletion failed is tried anew."""
    aws.statuses[DATABASE] = ["DELETE_FAILED"]
    destroy().go()

    assert aws.statuses == {}
