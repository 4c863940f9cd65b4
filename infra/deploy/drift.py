"""What somebody changed by hand: CloudFormation compares what is there with what it made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.deploy.stack import Stack
from infra.deploy.stacks import LOOK_SECONDS

# CloudFormation compares only what is settled.
COMPARABLE: Final = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True)
class Drift:
    """Asks for all stacks at once, and gathers what they say.

    It sees what a template says; what it does not say (a rule somebody added to a group of ours)
    it sees for few types, and not at all for some (an EKS add-on).
    """

    client: "CloudFormationClient"
    pause: Callable[[float], None]

    def found(self, stacks: Sequence[Stack]) -> Iterator[str]:
        """A sentence for each resource that is not as it was made."""
        names = [each.name for each in stacks if each.status in COMPARABLE]
        asked = {
            name: self.client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
            for name in names
        }
        for name, detection in asked.items():
            if self._status(detection) == "DRIFTED":
                yield from self._of(name)

    def _status(self, detection: str) -> str:
        while True:
            found = self.client.describe_stack_drift_detection_status(
                StackDriftDetectionId=detection
            )
            if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                return found.get("StackDriftStatus", "UNKNOWN")
            self.pause(LOOK_SECONDS)

    def _of(self, name: str) -> Iterator[str]:
        drifts = self.client.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
        )["StackResourceDrifts"]
        for each in drifts:
            yield f"{name}: {_sentence(each)}"


def _sentence(drift: Any) -> str:  # noqa: ANN401 — AWS's own document
    what = f"{drift['LogicalResourceId']} ({drift['ResourceType'].removeprefix('AWS::')})"
    if drift["StackResourceDriftStatus"] == "DELETED":
        return f"{what} was deleted by hand"
    changed = (
        f"{each['PropertyPath']} is {each['ActualValue']}, should be {each['ExpectedValue']}"
        for each in drift.get("PropertyDifferences", ())
    )
    return f"{what} was changed by hand: {'; '.join(changed)}"
