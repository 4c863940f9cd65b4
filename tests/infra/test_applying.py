"""Applying: the order, the guards, what is told, and going on after whatever stopped it before."""

from collections.abc import Callable

import pytest
from standing_cloudformation import CloudFormation, change

from infra.deploy.deployment import Deployment
from infra.deploy.errors import BadPlace, Refused, StackFailed
from infra.deploy.stacks import Stacks

NETWORK, DATABASE = "bukken-staging-network", "bukken-staging-database"
Deploy = Callable[..., Deployment]


def test_stacks_come_after_what_they_take_from(aws: CloudFormation, deploy: Deploy) -> None:
    """The order is the imports', whatever was typed; each stack is protected once it is there."""
    deploy("flow-logs", "network", "keys").apply()

    assert [each for each in aws.diary if each.startswith("execute")] == [
        "execute bukken-staging-keys keeping what is made",
        "execute bukken-staging-network keeping what is made",
        "execute bukken-staging-flow-logs keeping what is made",
    ]
    assert len(aws.protected) == 3


def test_a_stack_is_not_made_before_what_it_takes_from(deploy: Deploy) -> None:
    """CloudFormation's own words would name an export; ours name the stack to apply."""
    with pytest.raises(Refused, match="database needs keys, network first"):
        deploy("database").apply()


def test_nothing_changes_and_nothing_is_done(aws: CloudFormation, deploy: Deploy) -> None:
    """A second apply is over at once."""
    aws.statuses[NETWORK] = ["CREATE_COMPLETE"]
    aws.changes[NETWORK] = []
    deploy("network").apply()

    assert aws.diary == [f"UPDATE {NETWORK}"]
    assert aws.proposed == set()


@pytest.mark.parametrize(
    "what",
    [
        change("Cluster", "AWS::RDS::DBCluster", Replacement="True"),
        change("Cluster", "AWS::RDS::DBCluster", Replacement="Conditional"),
        change("Cluster", "AWS::RDS::DBCluster", "Remove"),
        change("Cluster", "AWS::RDS::DBCluster", "Dynamic"),
    ],
)
def test_the_database_is_not_replaced_or_removed_unasked(
    what: dict[str, object], aws: CloudFormation, deploy: Deploy
) -> None:
    """Held back by name, before anything is done; with the very name said it goes on."""
    aws.statuses |= {f"bukken-staging-{each}": ["UPDATE_COMPLETE"] for each in ("keys", "network")}
    aws.statuses[DATABASE] = ["UPDATE_COMPLETE"]
    aws.changes[DATABASE] = [what]

    with pytest.raises(Refused, match="--replace database/Cluster"):
        deploy("database", named=["database/Settings"]).apply()
    assert not any(each.startswith("execute") for each in aws.diary)
    assert aws.proposed == set()

    deploy("database", named=["database/Cluster"]).apply()
    assert f"execute {DATABASE}" in aws.diary


def test_what_is_changed_in_place_is_not_held_back(aws: CloudFormation, deploy: Deploy) -> None:
    """The guard is against loss, not against work."""
    aws.statuses |= {f"bukken-staging-{each}": ["UPDATE_COMPLETE"] for each in ("keys", "network")}
    aws.statuses[DATABASE] = ["UPDATE_COMPLETE"]
    aws.changes[DATABASE] = [change("Cluster", "AWS::RDS::DBCluster", Replacement="False")]
    deploy("database").apply()

    assert f"execute {DATABASE}" in aws.diary


def test_the_reason_is_the_first_failure_not_what_followed(
    aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """Ten resources are cancelled for one that failed; a person needs that one's own words."""
    aws.coming[NETWORK] = ["CREATE_IN_PROGRESS", "CREATE_FAILED"]
    aws.events[NETWORK] = [
        ("NatA", "CREATE_IN_PROGRESS", ""),
        ("NatAAddress", "CREATE_FAILED", "The maximum number of addresses has been reached."),
        ("NodesA", "CREATE_FAILED", "Resource creation cancelled"),
    ]

    with pytest.raises(StackFailed, match=r"NatAAddress .* maximum number of addresses"):
        deploy("network").apply()
    assert [each.split()[0] for each in said if "CREATE_" in each] == [
        "NatA",
        "NatAAddress",
        "NodesA",
    ]


def test_a_failed_update_is_an_error_though_it_was_rolled_back(
    aws: CloudFormation, deploy: Deploy
) -> None:
    """What is there is as before: not what was asked for."""
    aws.statuses[NETWORK] = ["CREATE_COMPLETE"]
    aws.coming[NETWORK] = [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    aws.events[NETWORK] = [("NatA", "UPDATE_FAILED", "no such subnet")]

    with pytest.raises(StackFailed, match=r"UPDATE_ROLLBACK_COMPLETE: NatA .* no such subnet"):
        deploy("network").apply()
    assert f"execute {NETWORK}" in aws.diary  # and not "keeping what is made"


def test_what_an_interrupted_run_began_is_watched_and_then_gone_on_with(
    aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """CloudFormation went on by itself; a second change at the same time would be refused."""
    aws.statuses[NETWORK] = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    aws.proposed.add((NETWORK, "infra-deploy-of-the-run-before"))
    deploy("network").apply()

    assert "watching what has been begun" in said[0]
    assert aws.diary == [f"UPDATE {NETWORK}", f"execute {NETWORK}"]


@pytest.mark.parametrize(
    ("status", "how"),
    [
        ("CREATE_FAILED", " keeping what is made"),
        ("UPDATE_FAILED", " keeping what is made"),
        ("UPDATE_ROLLBACK_COMPLETE", ""),
    ],
)
def test_after_a_failure_it_goes_on_from_what_is_there(
    status: str, how: str, aws: CloudFormation, deploy: Deploy
) -> None:
    """An unfinished creation is not rolled back to nothing: CloudFormation itself asks for that."""
    aws.statuses[NETWORK] = [status]
    deploy("network").apply()

    assert aws.diary == [f"UPDATE {NETWORK}", f"execute {NETWORK}{how}"]


def test_what_another_person_applied_meanwhile_is_not_applied_over(
    aws: CloudFormation, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation then has no change set of ours any more; what now is said in words."""
    aws.statuses[NETWORK] = ["UPDATE_COMPLETE"]
    remember = Stacks._remember  # noqa: SLF001 — the last thing before it is executed

    def meanwhile(self: Stacks, name: str) -> None:
        remember(self, name)
        aws.proposed.clear()

    monkeypatch.setattr(Stacks, "_remember", meanwhile)

    with pytest.raises(StackFailed, match=r"somebody else has changed it .* looks at it anew"):
        deploy("network").apply()
    assert aws.diary == [f"UPDATE {NETWORK}"]


def test_an_export_that_is_taken_stops_it_before_anything_is_done(
    aws: CloudFormation, deploy: Deploy
) -> None:
    """CloudFormation would stop in the middle, and roll back."""
    aws.statuses[NETWORK] = ["UPDATE_COMPLETE"]
    aws.outputs[NETWORK] = {"OldSubnet": "subnet-1"}
    aws.imports[f"{NETWORK}-OldSubnet"] = ["bukken-staging-nodes"]

    with pytest.raises(Refused, match="export OldSubnet would go, and bukken-staging-nodes take"):
        deploy("network").apply()
    assert aws.diary == [f"UPDATE {NETWORK}"]
    assert aws.proposed == set()


def test_of_a_creation_that_was_rolled_back_the_empty_name_goes_first(
    aws: CloudFormation, deploy: Deploy
) -> None:
    """No change set can be made of it."""
    aws.statuses[NETWORK] = ["ROLLBACK_COMPLETE"]
    deploy("network").apply()

    assert aws.diary[:2] == [f"delete {NETWORK}", f"CREATE {NETWORK}"]


def test_a_stack_that_is_just_going_is_made_once_it_is_gone(
    aws: CloudFormation, deploy: Deploy
) -> None:
    """A plan's proposal of a new stack takes a moment to go."""
    aws.statuses[NETWORK] = ["DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    deploy("network").apply()

    assert aws.diary[0] == f"CREATE {NETWORK}"


def test_a_proposal_that_nobody_carried_out_is_taken_up(
    aws: CloudFormation, deploy: Deploy
) -> None:
    """An interrupted plan leaves a stack that is nothing but a name."""
    aws.statuses[NETWORK] = ["REVIEW_IN_PROGRESS"]
    deploy("network").apply()

    assert aws.diary[0] == f"CREATE {NETWORK}"


def test_a_roll_back_that_failed_is_gone_on_with(aws: CloudFormation, deploy: Deploy) -> None:
    """Then the change is tried again."""
    aws.statuses[NETWORK] = ["UPDATE_ROLLBACK_FAILED"]
    aws.coming[NETWORK] = ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    aws.changes[NETWORK] = []
    deploy("network").apply()

    assert aws.diary == [f"continue {NETWORK}", f"UPDATE {NETWORK}"]


@pytest.mark.parametrize("status", ["ROLLBACK_FAILED", "DELETE_FAILED"])
def test_what_only_a_person_can_mend_is_left_alone(
    status: str, aws: CloudFormation, deploy: Deploy
) -> None:
    """Deleting it could lose what is still in it."""
    aws.statuses[NETWORK] = [status]

    with pytest.raises(StackFailed, match="only a person can decide"):
        deploy("network").apply()
    assert aws.diary == []


def test_the_public_name_waits_for_the_load_balancer(
    aws: CloudFormation, deploy: Deploy, said: list[str]
) -> None:
    """Before the first release there is nothing it could lead to; the rest is applied."""
    deploy("name").apply()

    assert aws.diary == []
    assert said == ["name: later; nobody has made what it leads to yet"]


def test_a_parameter_that_nobody_says_is_named(deploy: Deploy) -> None:
    """Before CloudFormation is asked for anything."""
    with pytest.raises(BadPlace, match="addons: nobody says FluentBitVersion"):
        deploy("addons").apply()
