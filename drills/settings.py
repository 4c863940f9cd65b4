"""Which numbered settings of `envoy/` and `k8s/base` have a drill or a rule by name, and which not.

A setting is a number that weighs something: a time, a size, a count. What only names something (a
port, a status, a user's id) is none. Its rule is the test that stands in brackets beside it, above
it, or beside what it is a part of: `[test_timing_budget.py]`; a twin's (command-api.yaml) is at the
same place in query-api.yaml.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from bukken_local.processes import binaries
from drills.drill import all_drills, read_drill
from drills.lines import Line, short
from drills.texts import text

FOLDERS: Final = ("envoy", "k8s/base")
TWINS: Final[Mapping[str, str]] = {
    f"{folder}/{name}.yaml": f"{folder}/query-api.yaml"
    for folder in FOLDERS
    for name in ("command-api", "inquiry-relay")
}
NO_SETTINGS: Final = re.compile(
    r"port|Port|status|_value$|runAs|fsGroup|buckets|defaultMode|numerator|runtime_key|name$|labels"
    r"|code|^kind$|apiVersion|body|start$|end$|rest|details"
)
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?(s|ms|m|Mi|Gi|Ki|%)?")
_TESTS: Final = re.compile(r"\[((?:test_\w+(?:\.py)?)(?:, test_\w+(?:\.py)?)*)\]")
_PARTS_OF: Final = 3
"""So many levels up a test in brackets still speaks for a setting."""


@dataclass(frozen=True)
class Setting:
    """A number, where it stands, and what holds it."""

    file: str
    path: str
    value: str
    tests: Sequence[str]


def page() -> str:
    """The list, in Markdown."""
    found = [each for folder in FOLDERS for each in _of_folder(folder)]
    drills = _drilled()
    counts = dict.fromkeys(("a drill", "a rule", "neither yet"), 0)
    rows = []
    for each in found:
        names = [name for name, line in drills if _is_about(line, each)]
        for what, so in zip(counts, (names, each.tests, not (names or each.tests)), strict=True):
            counts[what] += bool(so)
        rows.append(_row(each, drills=names))
    told = ", ".join(f"{number} with {what}" for what, number in counts.items())
    return text("settings").format(summary=f"{len(found)} settings: {told}.", rows="".join(rows))


def _row(setting: Setting, *, drills: Sequence[str]) -> str:
    links = ", ".join(f"[{name}]({name}.md)" for name in dict.fromkeys(drills))
    what, value = f"`{setting.file}: {short(setting.path)}`", f"`{setting.value}`"
    return f"| {what} | {value} | {links} | {', '.join(setting.tests)} |\n"


def _of_folder(folder: str) -> Iterator[Setting]:
    root = binaries.checkout()
    files = [str(file.relative_to(root)) for file in sorted((root / folder).glob("*.yaml"))]
    rules = {file: {each.path: each.tests for each in _of_file(file)} for file in files}
    for file in files:
        twin = rules.get(TWINS.get(file, file), {})
        for each in _of_file(file):
            yield Setting(file, each.path, each.value, each.tests or twin.get(each.path, ()))


def _of_file(file: str) -> Iterator[Setting]:
    text = (binaries.checkout() / file).read_text(encoding="utf-8")
    lines = text.splitlines()
    for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
        for path, value, where in _leaves(document, path=_beginning(document), where=()):
            yield Setting(file, path, value, _tests_at(where, lines=lines))


def _beginning(document: yaml.Node) -> str:
    """A manifest's kind, unless it is the Deployment, whose paths stand alone."""
    members = _members(document) if isinstance(document, yaml.MappingNode) else {}
    kind = members.get("kind")
    named = kind.value if isinstance(kind, yaml.ScalarNode) else ""
    return f"{named} " if named not in ("", "Deployment") else ""


def _leaves(
    node: yaml.Node, *, path: str, where: tuple[int, ...]
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    at = (*where, node.start_mark.line)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not NO_SETTINGS.search(key.value):
                name = (
                    f"{path}.{key.value}" if path and not path.endswith(" ") else path + key.value
                )
                yield from _leaves(value, path=name, where=(*at, key.start_mark.line))
    elif isinstance(node, yaml.SequenceNode):
        for index, member in enumerate(node.value):
            yield from _leaves(member, path=f"{path}[{_called(member, index)}]", where=at)
    elif isinstance(node, yaml.ScalarNode) and _NUMBER.fullmatch(node.value):
        yield path, node.value, at


def _called(member: yaml.Node, index: int) -> str:
    if isinstance(member, yaml.MappingNode):
        name = _members(member).get("name")
        if isinstance(name, yaml.ScalarNode):
            return str(name.value)
    return str(index)


def _members(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value}


def _tests_at(where: Sequence[int], *, lines: Sequence[str]) -> Sequence[str]:
    """The nearest: on its own line, above it, or at one of those that it is a part of."""
    for number in list(dict.fromkeys(reversed(where)))[:_PARTS_OF]:
        texts = [lines[number], *_comments_above(number, lines=lines)]
        if found := [match for text in texts for match in _TESTS.findall(text)]:
            return tuple(dict.fromkeys(name for match in found for name in match.split(", ")))
    return ()


def _comments_above(number: int, *, lines: Sequence[str]) -> Iterator[str]:
    while number and lines[number - 1].lstrip().startswith("#"):
        number -= 1
        yield lines[number]


def _drilled() -> list[tuple[str, Line]]:
    return [
        (name, line)
        for name, file in all_drills()
        for control in read_drill(file).controls
        for line in control.lines
    ]


def _is_about(line: Line, setting: Setting) -> bool:
    if setting.file not in line.files:
        return False
    kind = "" if line.kind == "Deployment" else f"{line.kind} "
    path = kind + line.path if setting.file.startswith("k8s") else line.path
    same = (setting.path == path) or setting.path.startswith((f"{path}.", f"{path}["))
    return same and line.add is None
