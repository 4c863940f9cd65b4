"""The tables of lines in tests/: each row takes its line out, and changes it; so it is a rule."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any, Final

import yaml

from bukken_local.processes import binaries

Place = tuple[str | int, ...]
"""Where something is: its document's kind ("" in Envoy's files), then keys and indices."""

# By file below tests/: the folder of the files that it is about.
TABLES: Final[Mapping[str, str]] = {
    "envoy/test_lines.py": "envoy",
    "deployment/test_lines.py": "k8s/base",
    "deployment/test_component_lines.py": "k8s/base",
}
# What a table of several kinds calls them; others hold no numbers.
KINDS: Final[Mapping[str, str]] = {
    "scaler": "HorizontalPodAutoscaler",
    "budget": "PodDisruptionBudget",
}


@cache
def rules() -> Mapping[tuple[str, Place], str]:
    """By file and place, the test that holds what stands there and below."""
    return {place: test for test in TABLES for place in _places(test)}


def _places(test: str) -> Iterator[tuple[str, Place]]:
    for case in _module(test).CASES:
        line, side = case.values
        file = f"{TABLES[test]}/{side}.yaml"
        kind, at = _split(line.at, test=test)
        if kind in _documents(file):
            yield file, (kind, *_place(_documents(file)[kind], at))


def _module(test: str) -> ModuleType:
    """By its path, since tests are no package; what they share is found from their folder."""
    tests = binaries.checkout() / "tests"
    if str(tests) not in sys.path:
        sys.path.append(str(tests))
    spec = spec_from_file_location(test.replace("/", "_").removesuffix(".py"), tests / test)
    assert spec is not None  # noqa: S101 — the file is there
    assert spec.loader is not None  # noqa: S101 — the same
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _split(at: str, *, test: str) -> tuple[str, str]:
    if TABLES[test] == "envoy":
        return "", at
    if test == "deployment/test_lines.py":
        return "Deployment", at
    called, _, rest = at.partition(" ")
    return KINDS.get(called, "none"), rest


@cache
def _documents(file: str) -> Mapping[str, Any]:
    text = (binaries.checkout() / file).read_text(encoding="utf-8")
    return {each.get("kind", ""): each for each in yaml.safe_load_all(text)}


def _place(document: Any, at: str) -> Place:  # noqa: ANN401 — a YAML document
    """A table's path as keys and indices; as far as it leads, for lines that must not be there."""
    place: Place = ()
    for step in at.split():
        found = _step(document, step)
        if found is None:
            return (*place, step)
        for key in found:
            place, document = (*place, key), document[key]
    return place


def _step(document: Any, step: str) -> Place | None:  # noqa: ANN401 — a YAML document
    if isinstance(document, dict):
        return (step,) if step in document else None
    members = document if isinstance(document, list) else []
    if step.isdigit():
        return (int(step),) if int(step) < len(members) else None
    return next(_members(members, step), None)


def _members(members: Sequence[Any], step: str) -> Iterator[Place]:
    """By name, by the one key it has, or, among a program's arguments, what follows an option."""
    for index, member in enumerate(members):
        if member == step:
            yield (index + 1,)
        elif isinstance(member, dict) and member.get("name") == step:
            yield (index,)
        elif isinstance(member, dict) and step in member:
            yield (index, step)
