"""One stack as CloudFormation describes it, and what can be done in each of its states."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

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
# Left by a change that was told not to roll back; of these CloudFormation takes no other kind.
UNFINISHED: Final = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})


@dataclass(frozen=True)
class Stack:
    """A stack as it is now.

    Attributes:
        exports: the name that others take an output by, by the output's own.
    """

    name: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    exports: Mapping[str, str]
    protected: bool

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From CloudFormation's own description."""
        outputs: Iterable[Mapping[str, str]] = found.get("Outputs", ())
        told: Iterable[Mapping[str, str]] = found.get("Parameters", ())
        return cls(
            name=found["StackName"],
            status=found["StackStatus"],
            reason=found.get("StackStatusReason", ""),
            parameters={each["ParameterKey"]: each["ParameterValue"] for each in told},
            outputs={each["OutputKey"]: each["OutputValue"] for each in outputs},
            exports={
                each["OutputKey"]: each["ExportName"] for each in outputs if "ExportName" in each
            },
            protected=found.get("EnableTerminationProtection", False),
        )

    @property
    def moving(self) -> bool:
        """Whether somebody's change is still under way."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"
