"""The CloudFormation templates as tests look at them: branches, statements, and copies to break."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from infra.deploy.templates import Template

Resource = Mapping[str, Any]
Templates = Mapping[str, Template]


def resources(templates: Templates) -> Iterator[tuple[str, Resource]]:
    """Every resource, as `database/Cluster`."""
    for template in templates.values():
        for name, resource in template.resources.items():
            yield f"{template.name}/{name}", resource


def of_type(templates: Templates, *types: str) -> dict[str, Resource]:
    """Those of these types, by path."""
    return {path: each for path, each in resources(templates) if each["Type"] in types}


def properties(templates: Templates, path: str) -> Mapping[str, Any]:
    """Of one resource."""
    stack, _, name = path.partition("/")
    found: Mapping[str, Any] = templates[stack].resources[name]["Properties"]
    return found


def branches(node: object, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every branch and leaf below, with the way to it."""
    yield at, node
    members = dict(enumerate(node)) if isinstance(node, list) else node
    if isinstance(members, Mapping):
        for key, value in members.items():
            yield from branches(value, f"{at} {key}".strip())


def statements(templates: Templates) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every statement of every policy, with the resource it is in."""
    for path, resource in resources(templates):
        for at, node in branches(resource.get("Properties", {})):
            if at.rpartition(" ")[2] == "Statement" and isinstance(node, list):
                yield from ((path, each) for each in node if "Effect" in each)


def as_list(value: object) -> list[Any]:
    """A policy's field, which may be one or several."""
    return value if isinstance(value, list) else [value]


def with_change(templates: Templates, path: str, **change: object) -> dict[str, Template]:
    """A copy in which a resource says something else; None takes the line out."""
    stack, _, name = path.partition("/")
    copied = Template(stack, templates[stack].body)
    parsed: Any = copy.deepcopy(templates[stack].parsed)
    for key, value in change.items():
        _set(parsed["Resources"][name], key, value)
    vars(copied)["parsed"] = parsed  # where cached_property keeps it
    return {**templates, stack: copied}


def _set(resource: dict[str, Any], key: str, value: object) -> None:
    owner = (
        resource
        if key in {"DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
        else resource["Properties"]
    )
    if value is None:
        owner.pop(key)
    else:
        owner[key] = value
