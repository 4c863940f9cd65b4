"""What a stack hands on is held fast by whoever takes it: said before, not by a roll back.

CloudFormation neither takes an export away nor changes it while another stack imports it, and says
so in the middle of an update. A change set does not foresee it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infra.deploy.stack import Stack
from infra.deploy.templates import Template
from infra.deploy.words import Change


def held_fast(
    template: Template,
    changes: Sequence[Change],
    *,
    stack: Stack,
    parameters: Mapping[str, str],
    importers: Callable[[str], Sequence[str]],
) -> Iterator[str]:
    """A sentence for each export that would go, or be another, while somebody takes it.

    Args:
        template: what the stack is to be.
        changes: what becomes of its resources.
        stack: as it is now.
        parameters: what it is told now.
        importers: the stacks that take an export, by its name.
    """
    causes = {each.name: f"{each.name} is replaced" for each in changes if each.ends}
    for name, value in parameters.items():
        if stack.parameters.get(name, value) != value:
            causes[name] = f"{name} is told anew"
    for output, export in stack.exports.items():
        fate = _fate(template, output, causes=causes)
        if fate and (takers := importers(export)):
            yield (
                f"{template.name}: its export {output} {fate}, and {', '.join(sorted(takers))} "
                "take it: CloudFormation refuses that as long as they do. Change those first, so "
                "that they do without it, and apply them alone"
            )


def _fate(template: Template, output: str, *, causes: Mapping[str, str]) -> str | None:
    if output not in template.exports():
        return "would go"
    names = set(_named(template.outputs[output]["Value"]))
    if why := ", ".join(sorted(causes[each] for each in names & causes.keys())):
        return f"would be another, since {why}"
    return None


def _named(value: Any) -> Iterator[str]:  # noqa: ANN401 — a document's branch
    """Every word in it: what it refers to is one, by whichever function."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _named(each)
    elif isinstance(value, str):
        yield from re.findall(r"\w+", value)
