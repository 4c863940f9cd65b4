# ruff: noqa: N802 — the methods are called as AWS calls its operations

"""A CloudFormation that does what it is told: for states that no other can be brought into here.

Requests and answers are checked against AWS's own description of the service, by botocore: a
parameter that CloudFormation does not know, or an answer it could not give, fails the test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from infra.deploy.templates import read

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NOW = datetime(2026, 11, 22, tzinfo=UTC)
Change = Mapping[str, Any]


def change(name: str, type_: str, action: str = "Modify", **more: object) -> Change:
    """One of a change set's, as CloudFormation says it."""
    return {"Action": action, "LogicalResourceId": name, "ResourceType": type_, **more}


@dataclass
class CloudFormation:
    """Stacks, by name, each with the statuses it goes through: the last one stays.

    Attributes:
        coming: what a stack goes through once its change set is executed, or it is deleted.
        changes: what is in a stack's change set; an empty list is "nothing changes".
        events: what happens meanwhile: resource, status, reason.
        imports: who takes an export, by its name.
        bodies: the template of a stack that was not made by this commit's.
        proposed: the change sets that are there: a stack's name, and its own.
        diary: the calls that change something.
    """

    statuses: dict[str, list[str]] = field(default_factory=dict)
    coming: dict[str, list[str]] = field(default_factory=dict)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    events: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    parameters: dict[str, Mapping[str, str]] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)
    drifts: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    imports: dict[str, list[str]] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    proposed: set[tuple[str, str]] = field(default_factory=set)
    diary: list[str] = field(default_factory=list)

    def client(self) -> "CloudFormationClient":
        """One that asks this."""
        made = boto3.client(
            "cloudformation",
            region_name="ap-northeast-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        made.meta.events.register("before-parameter-build.cloudformation", _remember)
        made.meta.events.register("before-call.cloudformation", self._answer)  # type: ignore[arg-type] # it may answer
        return made

    def _answer(self, *, model: Any, context: Any, **_: object) -> tuple[AWSResponse, Any]:  # noqa: ANN401 — botocore's
        handle: Callable[[Mapping[str, Any]], dict[str, Any]] = getattr(self, f"_{model.name}")
        answer = handle(context["asked"])
        if model.output_shape:
            validate_parameters(answer, model.output_shape)
        return AWSResponse("", 200, HTTPHeaders(), b""), answer

    def _DescribeStacks(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["StackName"]
        statuses = self.statuses.get(name, ["DELETE_COMPLETE"])
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if status == "DELETE_COMPLETE":
            self.statuses.pop(name, None)
            raise _refused(f"Stack with id {name} does not exist", "DescribeStacks")
        stack = {
            "StackName": name,
            "CreationTime": NOW,
            "StackStatus": status,
            "EnableTerminationProtection": name in self.protected,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in self.parameters.get(name, {}).items()
            ],
            "Outputs": [
                {"OutputKey": key, "OutputValue": value, "ExportName": f"{name}-{key}"}
                for key, value in self.outputs.get(name, {}).items()
            ],
        }
        return {"Stacks": [stack]}

    def _ListExports(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Whatever the templates of the stacks that are there hand on."""
        return {
            "Exports": [
                {"ExportingStackId": name, "Name": f"{name}-{output}", "Value": "some"}
                for template in read().values()
                for name in self.statuses
                if name.split("-", 2)[2] == template.name
                for output in template.exports()
            ]
        }

    def _ListImports(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        export = asked["ExportName"]
        if not self.imports.get(export):
            raise _refused(f"Export '{export}' is not imported by any stack.", "ListImports")
        return {"Imports": self.imports[export]}

    def _GetTemplate(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["StackName"]
        return {"TemplateBody": self.bodies.get(name, read()[name.split("-", 2)[2]].body)}

    def _ListChangeSets(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        there = sorted(own for stack, own in self.proposed if stack == asked["StackName"])
        return {"Summaries": [{"ChangeSetName": each} for each in there]}

    def _CreateChangeSet(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["StackName"]
        self.diary.append(f"{asked['ChangeSetType']} {name}")
        self.proposed.add((name, asked["ChangeSetName"]))
        self.statuses.setdefault(name, ["REVIEW_IN_PROGRESS"])
        return {}

    def _proposal(self, asked: Mapping[str, Any], operation: str) -> tuple[str, str]:
        key = (asked["StackName"], asked["ChangeSetName"])
        if key not in self.proposed:
            message = f"ChangeSet [{key[1]}] does not exist"
            raise _refused(message, operation, code="ChangeSetNotFound")
        return key

    def _DescribeChangeSet(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._proposal(asked, "DescribeChangeSet")
        changes = self.changes.get(asked["StackName"], [change("New", "AWS::SNS::Topic", "Add")])
        if not changes:
            return {
                "Status": "FAILED",
                "StatusReason": "The submitted information didn't contain changes.",
            }
        return {
            "Status": "CREATE_COMPLETE",
            "Changes": [{"Type": "Resource", "ResourceChange": each} for each in changes],
        }

    def _DeleteChangeSet(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.proposed.discard((asked["StackName"], asked["ChangeSetName"]))
        return {}

    def _ExecuteChangeSet(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, _ = self._proposal(asked, "ExecuteChangeSet")
        keeps = " keeping what is made" if asked["DisableRollback"] else ""
        self.diary.append(f"execute {name}{keeps}")
        self._forget_all(name)
        self.statuses[name] = list(self.coming.get(name, ["UPDATE_COMPLETE"]))
        return {}

    def _DescribeStackEvents(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["StackName"]
        under_way = self.events.get(name, []) if f"execute {name}" in " ".join(self.diary) else []
        events = [
            {
                "StackId": name,
                "EventId": f"{number}",
                "StackName": name,
                "LogicalResourceId": resource,
                "ResourceType": "AWS::SNS::Topic",
                "Timestamp": NOW,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
            for number, (resource, status, reason) in enumerate(under_way)
        ]
        return {"StackEvents": events[::-1]}

    def _UpdateTerminationProtection(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        change_ = (
            self.protected.add if asked["EnableTerminationProtection"] else self.protected.discard
        )
        change_(asked["StackName"])
        return {}

    def _DeleteStack(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["StackName"]
        if name in self.protected:
            raise _refused(
                "Stack cannot be deleted while TerminationProtection is on", "DeleteStack"
            )
        self.diary.append(f"delete {name}")
        self._forget_all(name)
        if self.statuses[name] == ["REVIEW_IN_PROGRESS"]:
            del self.statuses[name]
        else:
            self.statuses[name] = list(
                self.coming.get(name, ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"])
            )
        return {}

    def _forget_all(self, name: str) -> None:
        """Whoever proposed them: they would be of a stack that is another now."""
        self.proposed = {each for each in self.proposed if each[0] != name}

    def _ContinueUpdateRollback(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.diary.append(f"continue {asked['StackName']}")
        self.statuses[asked["StackName"]] = list(self.coming[asked["StackName"]])
        return {}

    def _ListStackResources(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the stack's template makes."""
        template = read()[asked["StackName"].split("-", 2)[2]]
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": name,
                    "ResourceType": each["Type"],
                    "PhysicalResourceId": f"made-{name}",
                    "LastUpdatedTimestamp": NOW,
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for name, each in template.resources.items()
            ]
        }

    def _DetectStackDrift(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        if self.statuses[asked["StackName"]] == ["CREATE_FAILED"]:
            raise _refused("Stack is in a state where drift cannot be detected", "DetectStackDrift")
        return {"StackDriftDetectionId": asked["StackName"]}

    def _DescribeStackDriftDetectionStatus(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["StackDriftDetectionId"]
        return {
            "StackId": name,
            "StackDriftDetectionId": name,
            "Timestamp": NOW,
            "DetectionStatus": "DETECTION_COMPLETE",
            "StackDriftStatus": "DRIFTED" if self.drifts.get(name) else "IN_SYNC",
        }

    def _DescribeStackResourceDrifts(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"StackResourceDrifts": self.drifts[asked["StackName"]]}


def _remember(*, params: Any, context: Any, **_: object) -> None:  # noqa: ANN401 — botocore's
    context["asked"] = params


def _refused(message: str, operation: str, *, code: str = "ValidationError") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
