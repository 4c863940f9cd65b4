"""Changes lines of the true files, by their path. A path that leads nowhere is an error.

A line of YAML is named by its path (`drills.paths`), one of Python by how it begins
(`drills.python_lines`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import yaml

from bukken_local.processes import binaries
from drills.paths import NoSuchLine, at, key, parent_of, short

Alter = Callable[[str], str]
"""Gives a file's text as it shall be read."""


class Default(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where that stands which holds as long as nothing is added: a path, or how a line begins."""

    file: str
    path: str


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One change of a line, the same in each of some files.

    Attributes:
        files: from the repository's root.
        path: where in the document; it must be there, but for `add`.
        kind: which document of a manifest.
        named: which of several of that kind.
        take_out: remove it.
        set: put this in its place.
        add: this is new: a mapping's name that is not there yet, or a member of the list; there it
            takes the place of another one of its name.
        default: of what is added, so that who changes the default has to drill again.
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
    default: Default | None = None
    move: str = ""
    says: str = ""

    def __post_init__(self) -> None:
        ways = (self.take_out, self.set is not None, self.add is not None, bool(self.move))
        if sum(ways) != 1:
            raise ValueError(f"{self.path}: exactly one of take_out, set, add, move")
        if self.is_python and not (self.take_out or self.set is not None):
            raise ValueError(f"{self.path}: a line of Python is taken out or set")
        if self.default and self.add is None:
            raise ValueError(f"{self.path}: default is of what is added")

    @property
    def is_python(self) -> bool:
        """Whether its files are Python; the others are YAML."""
        return all(file.endswith(".py") for file in self.files)

    def told(self, file: str) -> str:
        """The line as a reader finds it in one of its files."""
        kind = "" if self.kind == "Deployment" or file.startswith("envoy") else f"{self.kind} "
        return f"{file}: {self.says or kind + short(self.path)}"


def values(line: Line) -> Sequence[Any]:
    """What stands there now, in each file; where something is added, what holds in its place.

    Raises:
        NoSuchLine: it is not there, or what is added is.
    """
    return [_value(line, file) for file in line.files]


def _value(line: Line, file: str) -> Any:  # noqa: ANN401 — a YAML document's
    if line.is_python:
        return python_line(text_of(file).splitlines(), line.path, file=file)[1].strip()
    document = _document(_documents(text_of(file)), line, file=file)
    if line.add is not None:
        former = _add(document, line, file=file)
        return _default(line.default) if former is None else former
    found = at(document, line.path, file=file)
    # What is moved is changed in nothing but its place.
    return f"in {line.path.rpartition('[')[0].rpartition('.')[2]}" if line.move else found


def _default(default: Default | None) -> Any:  # noqa: ANN401 — a YAML document's
    if default is None:
        return None
    return _value(Line(files=(default.file,), path=default.path, take_out=True), default.file)


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
    return {file: _alter(file, these) for file, these in by_file(lines).items()}


def by_file(lines: Sequence[Line]) -> Mapping[str, list[Line]]:
    """The lines that are changed in each file, in their order."""
    changes: dict[str, list[Line]] = {}
    for line in lines:
        for file in line.files:
            changes.setdefault(file, []).append(line)
    return changes


def _alter(file: str, lines: Sequence[Line]) -> Alter:
    def altered(text: str) -> str:
        documents = changed(text, lines, file=file)
        return yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False)

    return altered


def changed(text: str, lines: Sequence[Line], *, file: str) -> list[Any]:
    """The documents of a text of YAML, with these lines changed.

    Raises:
        NoSuchLine: a line cannot be changed so.
    """
    documents = _documents(text)
    for line in lines:
        _change(_document(documents, line, file=file), line, file=file)
    return documents


def _change(document: Any, line: Line, *, file: str) -> None:  # noqa: ANN401 — a YAML document
    if line.add is not None:
        _add(document, line, file=file)
        return
    parent, last = parent_of(document, line.path, file=file)
    found = key(parent, last, file=file, whole=line.path)
    if line.move:
        at(document, line.move, file=file).insert(0, parent.pop(found))
    elif line.take_out:
        del parent[found]
    elif parent[found] == line.set:
        raise NoSuchLine(f"{file}: {line.path} is {line.set!r} already")
    else:
        parent[found] = line.set


def _add(document: Any, line: Line, *, file: str) -> Any:  # noqa: ANN401 — a YAML document's
    """Gives what was in its place, if anything."""
    parent, last = parent_of(document, line.path, file=file)
    if isinstance(parent, dict) and last not in parent:
        parent[last] = line.add
        return None
    members = parent[key(parent, last, file=file, whole=line.path)]
    if not isinstance(members, list):
        raise NoSuchLine(f"{file}: {line.path} is there already, and is no list")
    if line.add in members:
        raise NoSuchLine(f"{file}: {line.path} has {line.add!r} already: adding it changes nothing")
    # Appended, a second one of a name would be one too many, or the one that counts: who knows.
    for place, former in enumerate(members):
        if _same_name(former, line.add):
            members[place] = line.add
            return former
    members.append(line.add)
    return None


def _same_name(one: Any, other: Any) -> bool:  # noqa: ANN401 — of a YAML document
    both = isinstance(one, dict) and isinstance(other, dict)
    return both and "name" in one and one["name"] == other.get("name")


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


def text_of(file: str) -> str:
    """A file's of the repository.

    Raises:
        NoSuchLine: there is none.
    """
    found = binaries.checkout() / file
    if not found.is_file():
        raise NoSuchLine(f"there is no file {file}")
    return found.read_text(encoding="utf-8")
