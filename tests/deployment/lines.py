"""A table's row for a line of a YAML file: where it stands, what it must say, and why.

Shared by the tables of tests/deployment and tests/envoy.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Needs = Callable[[Any, Document], bool]


@dataclass(frozen=True)
class Line:
    """Where (names and positions, a space between), what is needed there, what else happens."""

    at: str
    needs: Needs
    otherwise: str
    files: tuple[str, ...] = ("command-api", "query-api")

    def holds(self, document: Document) -> bool:
        """Whether the line is there and says what is needed."""
        value = value_at(document, self.at)
        return value is not None and self.needs(value, document)


def name_of(document: Document) -> str:
    """Which side a Deployment or an Envoy file is."""
    name: str = (document.get("metadata") or {"name": document["node"]["id"]})["name"]
    return name


def says(wanted: object) -> Needs:
    """This very value; in a text, {side} is the file's name."""
    return lambda value, document: bool(
        value == (wanted.format(side=name_of(document)) if isinstance(wanted, str) else wanted)
    )


def same_as(path: str) -> Needs:
    """What another line of the file says."""
    return lambda value, document: bool(value == value_at(document, path))


def between(least: float, most: float) -> Needs:
    """A number or an Envoy duration, both ends included."""
    return lambda value, _: least <= number(value) <= most


def number(value: object) -> float:
    """A number or an Envoy duration in seconds; NaN, which is between nothing, for what is none."""
    found = re.fullmatch(r"(-?[0-9.]+)s?", str(value))
    return float(found[1]) if found else math.nan


def has(entry: object) -> Needs:
    """A list with this among its members."""
    return lambda value, _: entry in value


def owner_of(document: Document, path: str) -> tuple[Any, Any]:
    """The mapping or list that holds the path's last step, and its key there.

    A step into a list is a position, a member's name, a member's only key, or, among a program's
    arguments, the option before the value.

    Raises:
        LookupError: there is no such path.
    """
    owner: Any = {"": document}
    key: Any = ""
    for step in path.split():
        owner, key = owner[key], step
        if isinstance(owner, list):
            owner, key = member_of(owner, step)
    return owner, key


def member_of(members: list[Any], step: str) -> tuple[Any, Any]:
    """The same for one step into a list."""
    if step.isdigit():
        return members, int(step)
    for index, member in enumerate(members):
        if member == step:
            return members, index + 1
        if isinstance(member, dict) and member.get("name") == step:
            return members, index
        if isinstance(member, dict) and step in member:
            return member, step
    raise LookupError(step)


def value_at(document: Document, path: str) -> Any:  # noqa: ANN401 — YAML
    """What stands at a path; None if nothing does."""
    try:
        owner, key = owner_of(document, path)
        return owner[key]
    except LookupError:
        return None


def take_out(document: Document, path: str) -> None:
    """The first mutation of each line."""
    owner, key = owner_of(document, path)
    del owner[key]


def change(document: Document, path: str) -> None:
    """The second: another value of the same kind, a number once too small."""
    owner, key = owner_of(document, path)
    owner[key] = other(owner[key])


def other(value: Any) -> Any:  # noqa: ANN401 — YAML
    """A value that no line has."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return value | {"changed": None}
    others: dict[type, Any] = {int: -1, list: []}
    return others.get(type(value), "-1")
