"""Which numbered settings of `envoy/` and `k8s/base` have a drill or a rule by name, and which not.

A setting is a number that weighs something: a time, a size, a count. What only names something (a
port, a status, a user's id) is none. Its rule is the test that stands in brackets beside it, above
it, or beside what it is a part of: `[test_timing_budget.py]`; a twin's (command-api.yaml) is at the
same place in query-api.yaml, and with it the test that holds the two equal. Or it is a row of a
table of lines (`drills.tables`).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import yaml

from bukken_local.processes import binaries
from drills.drill import all_drills, read_drill
from drills.lines import Line
from drills.paths import short
from drills.tables import Place, rules
from drills.texts import text

FOLDERS: Final = ("envoy", "k8s/base")
TWINS: Final[Mapping[str, str]] = {
    "envoy/command-api.yaml": "test_twins.py",
    "envoy/inquiry-relay.yaml": "test_relatives.py",
    "k8s/base/command-api.yaml": "test_deployments.py",
    "k8s/base/inquiry-relay.yaml": "test_inquiry_relay.py",
}
"""Those of query-api.yaml beside them, and the test that holds the two equal."""
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
    place: Place
    value: str
    tests: Sequence[str]


def page(*, played: Collection[str]) -> str:
    """The list, in Markdown.

    Args:
        played: the drills that have a page.
    """
    found = [each for folder in FOLDERS for each in _of_folder(folder)]
    drills = _drilled()
    counts = dict.fromkeys(("a drill", "a rule", "neither yet"), 0)
    rows = []
    for each in found:
        names = [name for name, line in drills if _is_about(line, each)]
        for what, so in zip(counts, (names, each.tests, not (names or each.tests)), strict=True):
            counts[what] += bool(so)
        links = [f"[{name}]({name}.md)" if name in played else name for name in names]
        rows.append(_row(each, links=links))
    told = ", ".join(f"{number} with {what}" for what, number in counts.items())
    return text("settings").format(summary=f"{len(found)} settings: {told}.", rows="".join(rows))


def _row(setting: Setting, *, links: Sequence[str]) -> str:
    drills = ", ".join(dict.fromkeys(links))
    what, value = f"`{setting.file}: {short(setting.path)}`", f"`{setting.value}`"
    return f"| {what} | {value} | {drills} | {', '.join(setting.tests)} |\n"


def _of_folder(folder: str) -> Iterator[Setting]:
    root = binaries.checkout()
    files = [str(file.relative_to(root)) for file in sorted((root / folder).glob("*.yaml"))]
    rules = {file: {each.path: each.tests for each in _of_file(file)} for file in files}
    for file in files:
        twin = rules[f"{folder}/query-api.yaml"] if file in TWINS else {}
        for each in _of_file(file):
            of_twin = (*twin[each.path], TWINS[file]) if twin.get(each.path) else ()
            tests = (*(each.tests or of_twin), *_tables_of(each))
            yield replace(each, tests=tuple(dict.fromkeys(tests)))


def _tables_of(setting: Setting) -> Iterator[str]:
    for length in range(2, len(setting.place) + 1):
        if test := rules().get((setting.file, setting.place[:length])):
            yield test


def _of_file(file: str) -> Iterator[Setting]:
    text = (binaries.checkout() / file).read_text(encoding="utf-8")
    lines = text.splitlines()
    for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
        kind = _kind(document)
        # The Deployment's paths stand alone.
        path = f"{kind} " if kind not in ("", "Deployment") else ""
        for leaf in _leaves(document, _Leaf(path, (kind,), ())):
            tests = _tests_at(leaf.where, lines=lines)
            yield Setting(file, leaf.path, leaf.place, leaf.value, tests)


def _kind(document: yaml.Node) -> str:
    members = _members(document) if isinstance(document, yaml.MappingNode) else {}
    kind = members.get("kind")
    return str(kind.value) if isinstance(kind, yaml.ScalarNode) else ""


@dataclass(frozen=True)
class _Leaf:
    """On the way to a value: the path so far, the place, and the lines that were passed."""

    path: str
    place: Place
    where: tuple[int, ...]
    value: str = ""


def _leaves(node: yaml.Node, at: _Leaf) -> Iterator[_Leaf]:
    at = replace(at, where=(*at.where, node.start_mark.line))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not (NO_SETTINGS.search(key.value) or at.path.endswith("_PORT]")):
                yield from _leaves(value, _member(at, key))
    elif isinstance(node, yaml.SequenceNode):
        for index, member in enumerate(node.value):
            path, place = f"{at.path}[{_called(member, index)}]", (*at.place, index)
            yield from _leaves(member, replace(at, path=path, place=place))
    elif isinstance(node, yaml.ScalarNode) and _NUMBER.fullmatch(node.value):
        yield replace(at, value=node.value)


def _member(at: _Leaf, key: yaml.ScalarNode) -> _Leaf:
    dot = "." if at.path and not at.path.endswith(" ") else ""
    where = (*at.where, key.start_mark.line)
    return _Leaf(f"{at.path}{dot}{key.value}", (*at.place, key.value), where)


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
    # Shortened: where a filter has a name too, one says its place and the other its name.
    path = short(kind + line.path if setting.file.startswith("k8s") else line.path)
    at = short(setting.path)
    same = (at == path) or at.startswith((f"{path}.", f"{path}["))
    return same and line.add is None and not line.move
