"""Changes lines of the true files, by their path. A path that leads nowhere is an error.

`spec.template.spec.containers[app].lifecycle.preStop`: names of a mapping with dots between; in
brackets a list's member, by its `name` (or, for environment variables and clusters, the same) or by
its number from 0. A line of Python is named by how it begins, see `drills.python_lines`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
import yaml

from bukken_local.processes import binaries

Alter = Callable[[str], str]
"""Gives a file's text as it shall be read."""

_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")

_EVERYWHERE: Final = (
    "static_resources.",
    ".filter_chains[0].filters[envoy.filters.network.http_connection_manager]",
    ".filter_chains[0].filters[0]",
    ".typed_config",
    "typed_extension_protocol_options.envoy.extensions.upstreams.http.v3.HttpProtocolOptions.",
    "spec.template.spec.",
)


class NoSuchLine(Exception):
    """A path leads nowhere in its file, or there is nothing to change; a drill is out of date."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One change of a line, the same in each of some files.

    Attributes:
        files: from the repository's root.
        path: where in the document; it must be there, but for `add`.
        kind: which document of a manifest.
        named: which of several of that kind.
        take_out: remove it.
        set: put this in its place.
        add: this is new: a further member of the list, or a mapping's name that is not there yet.
        move: the list's member becomes the first of this other list.
        says: what the index calls the line, where a path tells nobody anything.
    """

    files: tuple[str, ...]
    path: str
    kind: str = "Deployment"
    named: str = ""
    take_out: bool = False
    set: Any = None
    add: Any = None
    move: str = ""
    says: str = ""

    def __post_init__(self) -> None:
        ways = (self.take_out, self.set is not None, self.add is not None, bool(self.move))
        if sum(ways) != 1:
            raise ValueError(f"{self.path}: exactly one of take_out, set, add, move")
        if self.is_python and not (self.take_out or self.set is not None):
            raise ValueError(f"{self.path}: a line of Python is taken out or set")

    @property
    def is_python(self) -> bool:
        """Whether its files are Python; the others are YAML."""
        return all(file.endswith(".py") for file in self.files)

    def told(self, file: str) -> str:
        """The line as a reader finds it in one of its files."""
        kind = "" if self.kind == "Deployment" or file.startswith("envoy") else f"{self.kind} "
        return f"{file}: {self.says or kind + short(self.path)}"


def short(path: str) -> str:
    """A path without the steps that are the same everywhere in Envoy's files."""
    for same in _EVERYWHERE:
        path = path.replace(same, "")
    return path


def values(line: Line) -> Sequence[Any]:
    """What stands there now, in each file; None for what is to be added.

    Raises:
        NoSuchLine: it is not there.
    """
    return [None if line.add is not None else _value(line, file) for file in line.files]


def _value(line: Line, file: str) -> Any:  # noqa: ANN401 — a YAML document's
    if line.is_python:
        return python_line(_text(file).splitlines(), line.path, file=file)[1].strip()
    found = at(_document(_documents(_text(file)), line, file=file), line.path, file=file)
    # What is moved is changed in nothing but its place.
    return f"in {line.path.rpartition('[')[0].rpartition('.')[2]}" if line.move else found


def python_line(rows: Sequence[str], begins: str, *, file: str) -> tuple[int, str]:
    """The number and text of the one line that begins so.

    Raises:
        NoSuchLine: none does, or more than one.
    """
    found = [(n, row) for n, row in enumerate(rows) if row.lstrip().startswith(begins)]
    if len(found) != 1:
        raise NoSuchLine(f"{file}: {len(found)} lines begin {begins!r}")
    return found[0]


def alterations(lines: Sequence[Line]) -> Mapping[str, Alter]:
    """By file, what is to become of its text; of YAML alone."""
    changes: dict[str, list[Line]] = {}
    for line in lines:
        for file in line.files:
            changes.setdefault(file, []).append(line)
    return {file: _alter(file, these) for file, these in changes.items()}


def _alter(file: str, lines: Sequence[Line]) -> Alter:
    def altered(text: str) -> str:
        documents = _documents(text)
        for line in lines:
            _change(_document(documents, line, file=file), line, file=file)
        return yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False)

    return altered


def _change(document: Any, line: Line, *, file: str) -> None:  # noqa: ANN401 — a YAML document
    if line.add is not None:
        _add(document, line, file=file)
        return
    *path, last = steps(line.path)
    parent = _follow(document, path, file=file, whole=line.path)
    key = _key(parent, last, file=file, whole=line.path)
    if line.move:
        at(document, line.move, file=file).insert(0, parent.pop(key))
    elif line.take_out:
        del parent[key]
    elif parent[key] == line.set:
        raise NoSuchLine(f"{file}: {line.path} is {line.set!r} already")
    else:
        parent[key] = line.set


def _add(document: Any, line: Line, *, file: str) -> None:  # noqa: ANN401 — a YAML document
    *path, last = steps(line.path)
    parent = _follow(document, path, file=file, whole=line.path)
    if isinstance(parent, dict) and last not in parent:
        parent[last] = line.add
        return
    found = parent[_key(parent, last, file=file, whole=line.path)]
    if not isinstance(found, list):
        raise NoSuchLine(f"{file}: {line.path} is there already, and is no list")
    found.append(line.add)


def at(document: Any, path: str, *, file: str) -> Any:  # noqa: ANN401 — a YAML document
    """What is at a path.

    Raises:
        NoSuchLine: nothing is.
    """
    return _follow(document, steps(path), file=file, whole=path)


def steps(path: str) -> list[str | int]:
    """The steps of a path; a list's member by number is an int."""
    found: list[str | int] = []
    for name, member in _STEP.findall(path):
        found.append(name or (int(member) if member.isdecimal() else member))
    return found


def _follow(document: Any, path: Sequence[str | int], *, file: str, whole: str) -> Any:  # noqa: ANN401 — a YAML document
    for step in path:
        document = document[_key(document, step, file=file, whole=whole)]
    return document


def _key(parent: Any, step: str | int, *, file: str, whole: str) -> str | int:  # noqa: ANN401 — a YAML document
    if isinstance(parent, list):
        for index, member in enumerate(parent):
            if index == step or (isinstance(member, dict) and member.get("name") == step):
                return index
    elif isinstance(parent, dict) and step in parent:
        return step
    raise NoSuchLine(f"{file} has no {whole}: nothing at {step!r}")


def _document(documents: Sequence[Any], line: Line, *, file: str) -> Any:  # noqa: ANN401 — a YAML document
    if len(documents) == 1:
        return documents[0]
    found = [
        each
        for each in documents
        if each.get("kind") == line.kind
        and (not line.named or each["metadata"]["name"] == line.named)
    ]
    if len(found) != 1:
        raise NoSuchLine(f"{file}: {len(found)} documents {line.kind} {line.named}")
    return found[0]


def _documents(text: str) -> list[Any]:
    # By way of JSON: behind a YAML alias two places are one object, and would change together.
    documents: list[Any] = json.loads(_read(text))
    return documents


@cache
def _read(text: str) -> str:
    """Kept: each of a hundred lines is looked for in one of ten files, and YAML is slow to read."""
    return json.dumps([each for each in yaml.safe_load_all(text) if each is not None])


def _text(file: str) -> str:
    found = binaries.checkout() / file
    if not found.is_file():
        raise NoSuchLine(f"there is no file {file}")
    return found.read_text(encoding="utf-8")
