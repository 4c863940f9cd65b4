"""CloudFormation, asked about one stack at a time: its state, its change set, its events."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from infra.deploy.errors import StackFailed
from infra.deploy.stack import CHANGEABLE, Stack
from infra.deploy.words import Change

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Say = Callable[[str], None]

# "Nothing changes" is a failure to CloudFormation, told by its text alone.
_NO_CHANGES: Final = ("didn't contain changes", "No updates are to be performed")
# Said of the resources that were stopped because another failed: never the reason.
_ONLY_FOLLOWED: Final = ("cancelled", "canceled")
# Of a change set that is there no more: CloudFormation deletes all others once one is executed.
_GONE: Final = frozenset({"ChangeSetNotFound", "ChangeSetNotFoundException"})
LOOK_SECONDS: Final = 3.0


@dataclass
class Stacks:
    """All of a place's.

    Attributes:
        pause: waits so many seconds; a test need not.
        change_set: this run's own name for what it proposes: two people may plan at once, and
            neither takes the other's away. One that an interrupted run leaves behind does nothing,
            and goes with the next that is executed.
    """

    client: "CloudFormationClient"
    say: Say
    pause: Callable[[float], None] = time.sleep
    change_set: str = field(default_factory=lambda: f"infra-deploy-{uuid4().hex[:12]}")
    _seen: set[str] = field(default_factory=set)

    def get(self, name: str) -> Stack | None:
        """The stack, if it is there."""
        try:
            found = self.client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return Stack.of(found)

    def exports(self) -> set[str]:
        """Names of what the stacks of this region hand on."""
        pages = self.client.get_paginator("list_exports").paginate()
        return {each["Name"] for page in pages for each in page["Exports"]}

    def importers(self, export: str) -> list[str]:
        """The stacks that take an export."""
        pages = self.client.get_paginator("list_imports").paginate(ExportName=export)
        try:
            return [name for page in pages for name in page["Imports"]]
        except ClientError as error:
            if "is not imported" in error.response["Error"]["Message"]:
                return []
            raise

    def body(self, name: str) -> str:
        """The template that the stack was made by, which need not be the one of this commit."""
        found: Any = self.client.get_template(StackName=name)["TemplateBody"]
        return found if isinstance(found, str) else json.dumps(found)  # so of a template in JSON

    def propose(
        self, name: str, *, body: str, parameters: Mapping[str, str], new: bool, template: str
    ) -> list[Change] | None:
        """Makes a change set and waits until it is known what is in it; None, when nothing is.

        Raises:
            StackFailed: it cannot be made.
        """
        self.client.create_change_set(
            StackName=name,
            ChangeSetName=self.change_set,
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

        Looked at again before that is deleted: somebody else's `apply` may have begun to make it,
        or somebody else may plan it now, whose proposal would go with it.
        """
        self._drop(name)
        stack = self.get(name) if new else None
        if stack and stack.status == "REVIEW_IN_PROGRESS" and not self._proposals(name):
            self.client.delete_stack(StackName=name)

    def execute(self, name: str, *, keeping: bool) -> Stack | None:
        """Does what was proposed, and tells it until it is over.

        Args:
            name: the stack's.
            keeping: what has been made stays when something fails. So for a creation, also one
                that is gone on with (UNFINISHED): a database that is protected could not be rolled
                back, and need not be made again.

        Raises:
            StackFailed: with the reason of the first resource that failed; or somebody else has
                changed the stack since.
        """
        self._remember(name)
        try:
            self.client.execute_change_set(
                StackName=name, ChangeSetName=self.change_set, DisableRollback=keeping
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            raise StackFailed(
                f"{name}: somebody else has changed it since it was looked at; nothing was done. "
                "The same command again looks at it anew"
            ) from error
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
        """This run's own change set, and nobody else's."""
        if self.get(name) and self.change_set in self._proposals(name):
            self.client.delete_change_set(StackName=name, ChangeSetName=self.change_set)

    def _proposals(self, name: str) -> set[str]:
        pages = self.client.get_paginator("list_change_sets").paginate(StackName=name)
        return {each["ChangeSetName"] for page in pages for each in page["Summaries"]}

    def _when_known(self, name: str) -> Mapping[str, Any]:
        while True:
            described = self.client.describe_change_set(
                StackName=name, ChangeSetName=self.change_set
            )
            if described["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                return described
            self.pause(LOOK_SECONDS)

    def _changes(self, name: str) -> Iterator[Mapping[str, Any]]:
        pages = self.client.get_paginator("describe_change_set")
        for page in pages.paginate(StackName=name, ChangeSetName=self.change_set):
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
