"""Taking a platform down: the last stack first, and only after each guard has been let go of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from infra.deploy.errors import Refused
from infra.deploy.places import Place
from infra.deploy.stacks import Say, Stacks
from infra.deploy.templates import STATEFUL, Template

_PAGE: Final = "docs/operating/new-account.md, 'Taking it down'"


class LoadBalancer(Protocol):
    """What tells whether the platform's load balancer still stands."""

    def arn(self) -> str | None:
        """AWS's name of it, if it is there."""


@dataclass(frozen=True)
class Destruction:
    """One place that is to go.

    Attributes:
        typed: what somebody typed to say that it is meant: the platform's name.
    """

    place: Place
    templates: Sequence[Template]
    stacks: Stacks
    say: Say
    load_balancer: LoadBalancer
    typed: str | None

    def go(self) -> None:
        """Deletes every stack that is there, the last one first; again, it goes on.

        Raises:
            Refused: a guard stands.
            StackFailed: something of a stack stays; with the reason.
        """
        there = [each for each in reversed(self.templates) if self._there(each)]
        self._refuse(there)
        kept = [line for each in there for line in self._delete(each)]
        self.say(f"{self.place.platform}: nothing of it is left but what is kept:")
        for line in kept:
            self.say(f"  {line}")

    def _there(self, template: Template) -> bool:
        return self.stacks.get(self.place.stack(template.name)) is not None

    def _refuse(self, there: Sequence[Template]) -> None:
        if self.typed != self.place.platform:
            names = ", ".join(each.name for each in there) or "nothing"
            raise Refused(f"this deletes {names}; if that is meant: --really {self.place.platform}")
        if self.load_balancer.arn():
            raise Refused(
                "its load balancer still stands: nobody would delete it, and the network could not "
                f"go. Let the cluster delete it first: {_PAGE}"
            )
        if guarded := [each.name for each in there if self._guarded(each)]:
            raise Refused(
                f"{', '.join(guarded)}: Protected is true. Say false in infra/places/"
                f"{self.place.name}.yaml, and apply that first: {_PAGE}"
            )

    def _guarded(self, template: Template) -> bool:
        stack = self.stacks.get(self.place.stack(template.name))
        return stack is not None and stack.parameters.get("Protected") == "true"

    def _delete(self, template: Template) -> list[str]:
        """What stays of a stack, by its policies; told, since nobody else will."""
        name = self.place.stack(template.name)
        kept = [f"{template.name}/{line}" for line in self._kept(name)]
        self.say(f"{template.name}: deleting")
        self.stacks.protect(name, protected=False)
        self.stacks.delete(name)
        return kept

    def _kept(self, name: str) -> list[str]:
        """By the template that the stack has: CloudFormation goes by that, not by this commit's."""
        stateful = [each for each in self.stacks.resources(name) if each[1] in STATEFUL]
        if not stateful:
            return []  # of a stack that is nothing but a name there is no template
        own = Template(name, self.stacks.body(name))
        return [
            f"{logical_id}: {stays} {physical}"
            for logical_id, _, physical in stateful
            if (stays := _what_stays(own, logical_id))
        ]


def _what_stays(template: Template, logical_id: str) -> str | None:
    policy = template.resources.get(logical_id, {}).get("DeletionPolicy")
    return {"Retain": "stays as it is,", "Snapshot": "leaves a snapshot of"}.get(str(policy))
