"""The document as a page for people: plain HTML, no script, nothing from anywhere else."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from openapi.schemas import Json

_FOLDER: Final = Path(__file__).parent
_BOUNDS: Final[Mapping[str, str]] = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters or fewer",
    "minItems": "{} items or more",
    "maxItems": "{} items or fewer",
    "multipleOf": "in steps of {}",
    "format": "{}",
}


def page(document: Json) -> str:
    """The page; the same document always gives the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "words": _words,
        "prose": _prose,
        "pretty": _pretty,
        "name": _name,
    }
    return environment.get_template("page.html").render(
        document=document, operations=_operations(document), found=_finder(document)
    )


def _operations(document: Json) -> list[tuple[str, str, Json]]:
    """By tag; a HEAD is told with its GET."""
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "head"
    ]


def _finder(document: Json) -> Any:  # noqa: ANN401 — a function for the template
    def found(given: Json) -> Any:  # noqa: ANN401 — JSON is any of its types
        """What a reference stands for."""
        value: Any = document
        for step in given["$ref"].removeprefix("#/").split("/") if "$ref" in given else ():
            value = value[step]
        return value if "$ref" in given else given

    return found


def _name(given: Json) -> str:
    """The last word of a reference."""
    return str(given["$ref"].rpartition("/")[2])


def _prose(text: str) -> Markup:
    """Text whose `code` is shown as such; an empty line begins a paragraph."""
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(escaped.replace("\n\n", "</p><p>"))  # noqa: S704 — escaped above


def _pretty(value: object) -> str:
    """JSON as people read it; NDJSON as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _words(schema: Json) -> Markup:
    """What a schema takes, in a line."""
    if "$ref" in schema:
        return Markup('<a href="#schema-{0}">{0}</a>').format(_name(schema))
    if choices := [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]:
        return Markup(" or ").join(map(_words, choices))
    kind = schema.get("type", "anything")
    plain = kind if isinstance(kind, str) else next(each for each in kind if each != "null")
    bounds = [text.format(schema[b]) for b, text in _BOUNDS.items() if b in schema]
    values = [" | ".join(map(str, schema["enum"]))] if "enum" in schema else []
    said = Markup(", ").join([plain, *bounds, *values])
    for part in ("items", "contentSchema"):
        said += Markup(" of ") + _words(schema[part]) if part in schema else Markup("")
    return said
