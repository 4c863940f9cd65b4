"""Where a line stands in a YAML document, by a path of its own.

`spec.template.spec.containers[app].lifecycle.preStop`: names of a mapping with dots between; in
brackets a list's member, by its `name` (or, for environment variables and clusters, the same) or by
its number from 0.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

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


def short(path: str) -> str:
    """A path without the steps that are the same everywhere in Envoy's files."""
    for same in _EVERYWHERE:
        path = path.replace(same, "")
    return path


def at(document: Any, path: str, *, file: str) -> Any:  # noqa: ANN401 — a YAML document
    """What is at a path.

    Raises:
        NoSuchLine: nothing is.
    """
    return _follow(document, steps(path), file=file, whole=path)


def parent_of(document: Any, path: str, *, file: str) -> tuple[Any, str | int]:  # noqa: ANN401 — a YAML document
    """What it is a part of, and its last step, which may lead nowhere.

    Raises:
        NoSuchLine: there is no such whole.
    """
    *before, last = steps(path)
    return _follow(document, before, file=file, whole=path), last


def steps(path: str) -> list[str | int]:
    """The steps of a path; a list's member by number is an int."""
    found: list[str | int] = []
    for name, member in _STEP.findall(path):
        found.append(name or (int(member) if member.isdecimal() else member))
    return found


def key(parent: Any, step: str | int, *, file: str, whole: str) -> str | int:  # noqa: ANN401 — a YAML document
    """The index or name by which a step's part is found.

    Raises:
        NoSuchLine: there is none.
    """
    if isinstance(parent, list):
        for index, member in enumerate(parent):
            if index == step or (isinstance(member, dict) and member.get("name") == step):
                return index
    elif isinstance(parent, dict) and step in parent:
        return step
    raise NoSuchLine(f"{file} has no {whole}: nothing at {step!r}")


def _follow(document: Any, path: Sequence[str | int], *, file: str, whole: str) -> Any:  # noqa: ANN401 — a YAML document
    for step in path:
        document = document[key(document, step, file=file, whole=whole)]
    return document
