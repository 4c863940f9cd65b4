"""Planning and applying: stacks in their order, each by a change set that is looked at first."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.deploy.errors import Refused, StackFailed
from infra.deploy.exports import held_fast
from infra.deploy.places import Place
from infra.deploy.stack import CHANGEABLE, NOTHING_IN_IT, UNFINISHED, Stack
from infra.deploy.stacks import Say, Stacks
from infra.deploy.templates import Template
from infra.deploy.words import Change, refusals, told

# Parameters that only somebody else's work can tell: a template's name → how to ask.
Lookups = Mapping[str, Callable[[], Mapping[str, str] | None]]

_HOLDS_MUCH: Final = 3  # resources that are added are counted, when there are more


@dataclass(frozen=True)
class Deployment:
    """One place and what is to be there.

    Attributes:
        named: stateful resources (`database/Cluster`) that may end.
        lookups: of templates that need what is only known when others have worked.
    """

    place: Place
    templates: Sequence[Template]
    stacks: Stacks
    say: Say
    named: Collection[str] = ()
    lookups: Lookups = field(default_factory=dict)

    def plan(self) -> bool:
        """Says what would happen, and does none of it; whether all of it would be allowed.

        Raises:
            StackFailed: a change set cannot be made.
        """
        held = [sentence for each in self.templates for sentence in self._plan(each)]
        for sentence in held:
            self.say(f"HELD BACK: {sentence}")
        return not held

    def apply(self) -> None:
        """Makes and changes what is to be; again, it goes on where it stopped.

        Raises:
            Refused: something stateful would end, or an export go that is taken.
            StackFailed: with the reason; what has been made before stays.
        """
        for each in self.templates:
            self._apply(each)

    def _plan(self, template: Template) -> list[str]:
        name = self.place.stack(template.name)
        stack = self.stacks.get(name)
        if missing := self._missing(template):
            self._say_what_waits(template, missing, stack=stack)
            return []
        if (parameters := self._parameters(template)) is None:
            self.say(f"{template.name}: later; nobody has made what it leads to yet")
            return []
        if stack and stack.status not in CHANGEABLE | NOTHING_IN_IT:
            self.say(f"{template.name}: {stack.status}; `apply` deals with that first")
            return []
        new = stack is None or stack.status in NOTHING_IN_IT
        if stack and stack.status == "ROLLBACK_COMPLETE":
            self._say_all_is_new(template, waits_for=())
            return []
        return self._look_at(template, stack=stack, new=new, parameters=parameters)

    def _look_at(
        self, template: Template, *, stack: Stack | None, new: bool, parameters: Mapping[str, str]
    ) -> list[str]:
        name = self.place.stack(template.name)
        changes = self._propose(template, new=new, parameters=parameters)
        if changes is None:
            self.say(f"{template.name}: nothing changes")
            return []
        self.stacks.forget(name, new=new)
        self._say_changes(template, changes, parameters=parameters, stack=stack)
        return self._held(template, changes, parameters=parameters, stack=stack)

    def _held(
        self,
        template: Template,
        changes: Sequence[Change],
        *,
        parameters: Mapping[str, str],
        stack: Stack | None,
    ) -> list[str]:
        """Why it is not done: something would be lost, or CloudFormation would refuse it."""
        held = refusals(changes, named=self.named)
        if stack:
            importers = self.stacks.importers
            held += held_fast(
                template, changes, stack=stack, parameters=parameters, importers=importers
            )
        return held

    def _apply(self, template: Template) -> None:
        name = self.place.stack(template.name)
        stack = self._settled(name)
        if (parameters := self._parameters(template)) is None:
            self.say(f"{template.name}: later; nobody has made what it leads to yet")
            return
        if missing := self._missing(template):
            raise Refused(f"{template.name} needs {', '.join(missing)} first: apply them")
        new = stack is None or stack.status in NOTHING_IN_IT
        changes = self._propose(template, new=new, parameters=parameters)
        if changes is None:
            self.say(f"{template.name}: nothing changes")
        else:
            self._say_changes(template, changes, parameters=parameters, stack=stack)
            if held := self._held(template, changes, parameters=parameters, stack=stack):
                self.stacks.forget(name, new=new)
                raise Refused("; ".join(held))
            unfinished = new or (stack is not None and stack.status in UNFINISHED)
            stack = self.stacks.execute(name, keeping=unfinished)
            self.say(f"{template.name}: done")
        if not (stack and stack.protected):
            self.stacks.protect(name, protected=True)

    def _settled(self, name: str) -> Stack | None:
        """The stack once nobody works on it, in a state that a change set can be made of."""
        stack = self.stacks.get(name)
        if stack and stack.moving:
            self.say(f"{name}: {stack.status}; watching what has been begun")
            stack = self.stacks.watch(name)
        if stack and stack.status == "UPDATE_ROLLBACK_FAILED":
            self.say(f"{name}: going on with the roll back that failed")
            stack = self.stacks.go_on_rolling_back(name)
        if stack and stack.status == "ROLLBACK_COMPLETE":
            self.say(f"{name}: nothing is left of its creation but the name; deleting that")
            self.stacks.delete(name)
            stack = None
        if stack and stack.status not in CHANGEABLE | NOTHING_IN_IT:
            raise StackFailed(
                f"{name}: {stack.status}: {stack.reason} — only a person can decide: look at its "
                "events, mend what they name, and delete the stack or what is left in it"
            )
        return stack

    def _propose(
        self, template: Template, *, new: bool, parameters: Mapping[str, str]
    ) -> list[Change] | None:
        return self.stacks.propose(
            self.place.stack(template.name),
            body=template.body,
            parameters=parameters,
            new=new,
            template=template.name,
        )

    def _parameters(self, template: Template) -> dict[str, str] | None:
        """What it is told; None when what only others can tell is not known yet."""
        found: Mapping[str, str] | None = {}
        if template.name in self.lookups:
            found = self.lookups[template.name]()
        if found is None:
            return None
        place = self.place
        known = Place(place.name, place.account, place.region, {**place.values, **found})
        return known.parameters_of(template)

    def _missing(self, template: Template) -> list[str]:
        """Stacks it takes from that are not there with what it takes."""
        there = self.stacks.exports()
        return sorted(
            {
                stack
                for stack, output in template.imports
                if f"{self.place.stack(stack)}-{output}" not in there
            }
        )

    def _say_what_waits(
        self, template: Template, missing: Sequence[str], *, stack: Stack | None
    ) -> None:
        """Of a stack that is there nobody knows yet what would change, or end."""
        if stack is None or stack.status in NOTHING_IN_IT:
            self._say_all_is_new(template, waits_for=missing)
        else:
            after = ", ".join(missing)
            self.say(f"{template.name}: not known before {after}: apply those, and plan again")

    def _say_all_is_new(self, template: Template, *, waits_for: Sequence[str]) -> None:
        after = f", after {', '.join(waits_for)}" if waits_for else ""
        self.say(
            f"{template.name}: all of it is added{after} ({len(template.resources)} resources)"
        )

    def _say_changes(
        self,
        template: Template,
        changes: Sequence[Change],
        *,
        parameters: Mapping[str, str],
        stack: Stack | None,
    ) -> None:
        self.say(f"{template.name}:")
        for line in told(parameters, before=stack.parameters if stack else {}):
            self.say(f"  told anew: {line}")
        for line in _lines(changes):
            self.say(f"  {line}")


def _lines(changes: Sequence[Change]) -> Iterator[str]:
    """What ends comes first; a long list of what is merely new is a number."""
    added = [each for each in changes if each.action == "Add"]
    rest = sorted(
        (each for each in changes if each.action != "Add"), key=lambda each: not each.ends
    )
    yield from map(str, rest)
    if len(added) > _HOLDS_MUCH:
        yield f"{len(added)} resources are added"
    else:
        yield from map(str, added)
