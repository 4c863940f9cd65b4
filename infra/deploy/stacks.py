"""CloudFormation, asked about one stack at a time: its state, its change set, its events."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from infra.deploy.errors import StackFailed
from infra.deploy.words import Change

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Say = Callable[[str], None]

# A change set can be made of these. The failed ones are what a creation leaves that was told not to
# roll back: what has been made stays, and the next change set goes on from there.
CHANGEABLE: Final = frozenset(
    {
        "CREATE_COMPLETE",
        "CREATE_FAILED",
        "UPDATE_COMPLETE",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
NOTHING_IN_IT: Final = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})
# "Nothing changes" is a failure to CloudFormation, told by its text alone.
_NO_CHANGES: Final = ("didn't contain changes", "No updates are to be performed")
# Said of the resources that were stopped because another failed: never the reason.
_ONLY_FOLLOWED: Final = ("cancelled", "canceled")
# Left by a change that was told not to roll back; of these CloudFormation takes no other kind.
UNFINISHED: Final = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})
CHANGE_SET: Final = "infra-deploy"
LOOK_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Stack:
    """A stack as it is now."""

    name: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    protected: bool

    @property
    def moving(self) -> bool:
        """Whether somebody's change is still under way."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


@dataclass
class Stacks:
    """All of a place's.

    Attributes:
        pause: waits so many seconds; a test need not.
    """

    client: "CloudFormationClient"
    say: Say
    pause: Callable[[float], None] = time.sleep
    _seen: set[str] = field(default_factory=set)

    def get(self, name: str) -> Stack | None:
        """The stack, if it is there."""
        try:
            found = self.client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return Stack(
            name,
            found["StackStatus"],
            found.get("StackStatusReason", ""),
            {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", ())},
            {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
            protected=found.get("EnableTerminationProtection", False),
        )

    def exports(self) -> set[str]:
        """Names of what the stacks of this region hand on."""
        pages = self.client.get_paginator("list_exports").paginate()
        return {each["Name"] for page in pages for each in page["Exports"]}

    def propose(
        self, name: str, *, body: str, parameters: Mapping[str, str], new: bool, template: str
    ) -> list[Change] | None:
        """Makes a change set and waits until it is known what is in it; None, when nothing is.

        Raises:
            StackFailed: it cannot be made.
        """
        if self.get(name):
            self._drop(name)
        self.client.create_change_set(
            StackName=name,
            ChangeSetName=CHANGE_SET,
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateBody=body,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            # No CAPABILITY_NAMED_IAM: roles have no names of ours, and so can be replaced.
            Capabilities=["CAPABILITY_IAM"],
            # Put on each resource as well, by CloudFormation.
            Tags=[{"Key": "platform", "Value": name.removesuffix(f"-{template}")}],
        )
        described = self._when_known(name)
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "")
            self._drop(name)
            if any(each in reason for each in _NO_CHANGES):
                return None
            raise StackFailed(f"{name}: no change set can be made: {reason}")
        return [
            Change.of(template, each["ResourceChange"])
            for each in self._changes(name)
            if "ResourceChange" in each
        ]

    def forget(self, name: str, *, new: bool) -> None:
        """Leaves nothing behind of what was proposed: of a new stack, not even its name.

        Looked at again before it is deleted: somebody else's `apply` may have begun to make it.
        """
        stack = self.get(name) if new else None
        if stack and stack.status == "REVIEW_IN_PROGRESS":
            self.client.delete_stack(StackName=name)
        elif not new:
            self._drop(name)

    def execute(self, name: str, *, keeping: bool) -> Stack | None:
        """Does what was proposed, and tells it until it is over.

        Args:
            name: the stack's.
            keeping: what has been made stays when something fails. So for a creation, also one
                that is gone on with (UNFINISHED): a database that is protected could not be rolled
                back, and need not be made again.

        Raises:
            StackFailed: with the reason of the first resource that failed.
        """
        self._remember(name)
        self.client.execute_change_set(
            StackName=name, ChangeSetName=CHANGE_SET, DisableRollback=keeping
        )
        return self.watch(name)

    def watch(self, name: str) -> Stack | None:
        """Tells what happens until nothing does; None, when the stack is gone by then.

        Raises:
            StackFailed: it did not come to a good end.
        """
        failures: list[str] = []
        while (stack := self.get(name)) and stack.moving:
            failures += self._tell(name)
            self.pause(LOOK_SECONDS)
        failures += self._tell(name) if stack else []
        if stack is None:
            return None
        if stack.status not in CHANGEABLE or "FAILED" in stack.status or "ROLLBACK" in stack.status:
            why = failures[0] if failures else stack.reason or "no reason was given"
            raise StackFailed(f"{name}: {stack.status}: {why}")
        return stack

    def protect(self, name: str, *, protected: bool) -> None:
        """Whether the stack itself may be deleted."""
        self.client.update_termination_protection(
            StackName=name, EnableTerminationProtection=protected
        )

    def delete(self, name: str) -> None:
        """Deletes it, and tells what goes.

        Raises:
            StackFailed: something of it stays.
        """
        self._remember(name)
        self.client.delete_stack(StackName=name)
        self.watch(name)

    def go_on_rolling_back(self, name: str) -> Stack:
        """What is left of a roll back that failed.

        Raises:
            StackFailed: it fails again; with the reason.
        """
        self._remember(name)
        self.client.continue_update_rollback(StackName=name)
        while (stack := self.get(name)) and stack.moving:
            self._tell(name)
            self.pause(LOOK_SECONDS)
        if stack is None or stack.status != "UPDATE_ROLLBACK_COMPLETE":
            raise StackFailed(f"{name}: it cannot be rolled back: {stack.reason if stack else ''}")
        return stack

    def resources(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Name, type and AWS's own name of what is in a stack."""
        pages = self.client.get_paginator("list_stack_resources").paginate(StackName=name)
        for page in pages:
            for each in page["StackResourceSummaries"]:
                yield (
                    each["LogicalResourceId"],
                    each["ResourceType"],
                    each.get("PhysicalResourceId", ""),
                )

    def _drop(self, name: str) -> None:
        """An interrupted run's change set, or this one's own: there is one of the name at most."""
        there = self.client.list_change_sets(StackName=name)["Summaries"]
        if any(each["ChangeSetName"] == CHANGE_SET for each in there):
            self.client.delete_change_set(StackName=name, ChangeSetName=CHANGE_SET)

    def _when_known(self, name: str) -> Mapping[str, Any]:
        while True:
            described = self.client.describe_change_set(StackName=name, ChangeSetName=CHANGE_SET)
            if described["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                return described
            self.pause(LOOK_SECONDS)

    def _changes(self, name: str) -> Iterator[Mapping[str, Any]]:
        pages = self.client.get_paginator("describe_change_set")
        for page in pages.paginate(StackName=name, ChangeSetName=CHANGE_SET):
            yield from page["Changes"]

    def _remember(self, name: str) -> None:
        """What has been is not told again."""
        if self.get(name):
            self._seen |= {each["EventId"] for each in self._events(name)}

    def _tell(self, name: str) -> list[str]:
        """Says what is new; gives the reasons of what failed, the first one first."""
        new = [each for each in self._events(name) if each["EventId"] not in self._seen]
        failures: list[str] = []
        for event in reversed(new):
            self._seen.add(event["EventId"])
            line, reason = _line(event), event.get("ResourceStatusReason", "")
            self.say(f"  {line}")
            followed = any(each in reason for each in _ONLY_FOLLOWED)
            if "FAILED" in event["ResourceStatus"] and not followed:
                failures.append(line)
        return failures

    def _events(self, name: str) -> Sequence[Mapping[str, Any]]:
        """The newest, newest first: one page is more than happens between two looks."""
        return self.client.describe_stack_events(StackName=name)["StackEvents"]


def _line(event: Mapping[str, Any]) -> str:
    what = f"{event['LogicalResourceId']} ({event['ResourceType'].removeprefix('AWS::')})"
    reason = event.get("ResourceStatusReason")
    return f"{what} {event['ResourceStatus']}" + (f": {reason}" if reason else "")
