"""A change set in plain words, and what of it is held back.

CloudFormation says `Modify`, `Replacement: Conditional` and a list of details; what a person needs
to know is whether something ends, and what is lost with it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from infra.deploy.templates import STATEFUL

_VERBS: Final = {
    "Add": "is added",
    "Modify": "is changed",
    "Remove": "is removed",
    "Import": "is taken in as it is",
    "Dynamic": "is decided while it runs",
}


@dataclass(frozen=True)
class Change:
    """What happens to one resource.

    Attributes:
        ends: the one that is there goes: it is removed, or another takes its place.
        may_end: it goes under a condition that CloudFormation knows only when it is there.
        because: the properties that bring it about.
    """

    stack: str
    name: str
    type: str
    action: str
    ends: bool
    may_end: bool
    because: tuple[str, ...]

    @classmethod
    def of(cls, stack: str, change: Mapping[str, Any]) -> Self:
        """From CloudFormation's own `ResourceChange`."""
        replacement = change.get("Replacement")
        return cls(
            stack=stack,
            name=change["LogicalResourceId"],
            type=change["ResourceType"],
            action=change["Action"],
            ends=change["Action"] == "Remove" or replacement == "True",
            may_end=replacement == "Conditional" or change["Action"] == "Dynamic",
            because=tuple(_because(change)),
        )

    @property
    def path(self) -> str:
        """How a person names it: `database/Cluster`."""
        return f"{self.stack}/{self.name}"

    @property
    def stateful(self) -> bool:
        """Whether something would be lost with it."""
        return self.type in STATEFUL

    def __str__(self) -> str:
        verb = _VERBS[self.action]
        if self.action == "Modify" and self.ends:
            verb = "is REPLACED: another one is made, then this one ends"
        elif self.action == "Modify" and self.may_end:
            verb = "is changed, and may be REPLACED"
        why = f" (by {', '.join(self.because)})" if self.because else ""
        return f"{self.name}, {self.type.removeprefix('AWS::')}, {verb}{why}"


def _because(change: Mapping[str, Any]) -> Iterator[str]:
    """Properties that a replacement comes from; without one, all that change."""
    targets = [each["Target"] for each in change.get("Details", ())]
    ending = [
        each for each in targets if each.get("RequiresRecreation") in {"Always", "Conditionally"}
    ]
    yield from dict.fromkeys(
        each.get("Name") or each["Attribute"].lower() for each in ending or targets
    )


def refusals(changes: Sequence[Change], *, named: Collection[str]) -> list[str]:
    """A sentence for each stateful resource that would or might end and was not named."""
    return [
        f"{each.path} ({each.type}) "
        + ("would end" if each.ends else "might end")
        + f"; if that is meant, say so: --replace {each.path}"
        for each in changes
        if each.stateful and (each.ends or each.may_end) and each.path not in named
    ]


def told(parameters: Mapping[str, str], *, before: Mapping[str, str]) -> Iterator[str]:
    """What a stack is told that it was not told before; a long text by its length."""
    for name, value in parameters.items():
        was = before.get(name)
        if was is not None and was != value:
            yield f"{name}: {_short(was)} -> {_short(value)}"


def _short(value: str) -> str:
    return value if len(value) <= 60 else f"{len(value)} characters"  # noqa: PLR2004 — a line's rest
