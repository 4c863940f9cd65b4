"""Prints docs/listing-fields.md: `python -m bukken_contract.fields_page`."""

import sys
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, MaxLen

from bukken_contract.listing import (
    EXTENSIONS,
    LOOKUPS,
    SET_BY_THE_EXCHANGE,
    Listing,
    MediaItem,
    Places,
    wire_name,
)

_INTRODUCTION: Final = """# Listing fields

Generated from `contract/bukken_contract/listing.py` by `python -m bukken_contract.fields_page`; a
test compares. Names are the RESO Data Dictionary's; those marked † are our extensions, for what
RESO has no word. `StandardStatus` and `PropertyType` are required; a price needs its `Currency`, an
area its units, a `Latitude` its `Longitude`. A field that is not known is left out.
"""

_CODE_LENGTH: Final = 3

_SIMPLE: Final[dict[Any, str]] = {bool: "true or false", date: "date, `YYYY-MM-DD`", int: "integer"}


def page() -> str:
    """The whole page."""
    parts = [
        _INTRODUCTION,
        _table(Listing),
        "Extensions:\n",
        "\n".join(f"- `{wire_name(name)}`: {text}" for name, text in EXTENSIONS.items()) + "\n",
        "## Media\n\nEach item of `Media`:\n",
        _table(MediaItem),
        "## Set by the exchange\n\nAnswers carry these; a request that does is refused.\n",
        "\n".join(f"- `{wire_name(name)}`: {text}" for name, text in SET_BY_THE_EXCHANGE.items())
        + "\n",
        "## Lookups\n",
        "\n".join(f"- {name}: {', '.join(values)}" for name, values in LOOKUPS.items()) + "\n",
    ]
    return "\n".join(parts)


def _table(kind: type[Any]) -> str:
    hints = get_type_hints(kind, include_extras=True)
    rows = [
        f"| `{wire_name(f.name)}`{' †' if f.name in EXTENSIONS else ''} | {_words(hints[f.name])} |"
        for f in fields(kind)
    ]
    return "\n".join(["| field | what it takes |", "| --- | --- |", *rows]) + "\n"


def _words(hint: Any) -> str:  # noqa: ANN401 — an annotation is any object
    """What an annotation allows, for people."""
    if get_origin(hint) is Annotated:
        base, *bounds = get_args(hint)
        return _words(base) + "".join(_bound(bound) for bound in bounds)
    if get_origin(hint) is Literal:
        return f"one of {_lookup_of(get_args(hint))}"
    if get_origin(hint) is tuple:
        item = get_args(hint)[0]
        return "list of media" if item is MediaItem else f"list of {_words(item)}"
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if hint in (str, Decimal):
        return "text" if hint is str else "number"
    return next(_words(part) for part in get_args(hint) if part is not type(None))


def _lookup_of(values: tuple[str, ...]) -> str:
    return next(name for name, known in LOOKUPS.items() if known == values)


def _bound(bound: object) -> str:
    match bound:
        case MaxLen(max_length=n):
            return f", at most {n}" if n > _CODE_LENGTH else f", a code of {n} letters"
        case Ge(ge=low):
            return f", {low}"
        case Le(le=high):
            return f" … {high}"
        case Places(decimal_places=n):
            return f", {n} decimals"
    return ""


if __name__ == "__main__":
    sys.stdout.write(page())
