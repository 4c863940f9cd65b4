"""The contract's dataclasses and tables as JSON Schema: no field and no bound is written twice."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, MaxLen, MinLen

from bukken_contract.inquiry import INQUIRY_EXTENSIONS, Inquiry
from bukken_contract.keys import MAX_KEY_CHARACTERS
from bukken_contract.listing import (
    CODES,
    EXTENSIONS,
    LOOKUPS,
    NEEDS,
    SET_BY_THE_EXCHANGE,
    Listing,
    MediaItem,
    Places,
    wire_name,
)
from command_api.conditions import INT64_MAX
from query_api.documents import WIRE_NAMES

Json = dict[str, Any]

CONTROL: Final = r"\x00-\x1f\x7f-\x9f"
_TEXT: Final = f"^[^{CONTROL}]*$"
_PATTERNS: Final[Mapping[str, str]] = {
    # Line breaks and tabs alone; listing_model.py.
    **dict.fromkeys(("public_remarks", "message"), r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"),
    "media_url": f"^https?://[^{CONTROL}]*$",
    **{name: f"^{form.pattern}$" for name, form, _ in CODES},
}
_EXTENSIONS: Final = {**EXTENSIONS, **INQUIRY_EXTENSIONS}
VERSION: Final[Json] = {"type": "integer", "minimum": 1, "maximum": INT64_MAX}


def ref(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def obj(properties: Json, *, required: list[str], **more: Any) -> Json:  # noqa: ANN401 — JSON is any of its types
    """An object's schema."""
    return {"type": "object", "required": required, "properties": properties, **more}


def _schema_of(hint: Any, *, pattern: str | None = None) -> Json:  # noqa: ANN401 — an annotation is any object
    """An annotation's schema; None is left to who asks."""
    if type(None) in get_args(hint):
        return _schema_of(get_args(hint)[0], pattern=pattern)
    base, *bounds = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    schema = _type_of(base, pattern=pattern)
    for bound in bounds:
        schema |= _bound(bound, of=schema)
    return schema


def _type_of(base: Any, *, pattern: str | None) -> Json:  # noqa: ANN401 — the same
    if get_origin(base) is Literal:
        return ref(next(name for name, known in LOOKUPS.items() if known == get_args(base)))
    if get_origin(base) is tuple:
        return {"type": "array", "items": _schema_of(get_args(base)[0])}
    if base is MediaItem:
        return ref("Media")
    if base is str:
        return {"type": "string", "pattern": pattern or _TEXT}
    return dict(_SIMPLE[base])


_SIMPLE: Final[Mapping[Any, Json]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    Decimal: {"type": "number"},
    date: {"type": "string", "format": "date"},
}


def _bound(bound: object, *, of: Json) -> Json:
    what = "Items" if of.get("type") == "array" else "Length"
    match bound:
        case MinLen(min_length=n):
            return {f"min{what}": n}
        case MaxLen(max_length=n):
            return {f"max{what}": n}
        case Ge(ge=low):
            return {"minimum": _number(low)}
        case Le(le=high):
            return {"maximum": _number(high)}
        case Places(decimal_places=n):
            return {"multipleOf": 10**-n}
    raise TypeError(f"no schema is known for the bound {bound!r}")


def _number(value: Any) -> int | float:  # noqa: ANN401 — annotated_types compares anything
    return int(value) if value == int(value) else float(value)


def _members(kind: type[Any]) -> Json:
    hints = get_type_hints(kind, include_extras=True)
    return {
        wire_name(f.name): _described(
            _schema_of(hints[f.name], pattern=_PATTERNS.get(f.name)), text=_EXTENSIONS.get(f.name)
        )
        for f in fields(kind)
    }


def _described(schema: Json, *, text: str | None) -> Json:
    return schema | ({"description": f"Our extension of RESO. {text}"} if text else {})


def _required(kind: type[Any]) -> list[str]:
    return [wire_name(f.name) for f in fields(kind) if f.default is MISSING]


def _or_null(schema: Json) -> Json:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}


def _sent(kind: type[Any]) -> Json:
    """As a producer sends it: null says the same as leaving out."""
    needed = _required(kind)
    members = {name: s if name in needed else _or_null(s) for name, s in _members(kind).items()}
    return members | ({"Media": _media_to_put()} if kind is Listing else {})


def _media_to_put() -> Json:
    return _or_null(_members(Listing)["Media"]) | {"items": ref("MediaToPut")}


def _has(name: str) -> Json:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _companions() -> list[Json]:
    """A price without its currency means nothing; `null` counts as not sent."""
    return [
        {"if": _has(wire_name(name)), "then": _has(wire_name(needed))} for name, needed in NEEDS
    ]


def _answered() -> Json:
    """As query-api writes it: what has no value is left out."""
    times = {name: {"type": "string", "format": "date-time"} for name in SET_BY_THE_EXCHANGE}
    own: Json = {"listing_key": ref("ListingKey")} | times | {"version": dict(VERSION)}
    told = {n: _described_by_us(own[n], name=n) for n in own} | {
        f.name: _members(Listing)[wire_name(f.name)] for f in fields(Listing)
    }
    return {wire: told[name] for name, wire in WIRE_NAMES.items()}


def _described_by_us(schema: Json, *, name: str) -> Json:
    text = SET_BY_THE_EXCHANGE.get(name)
    return schema | ({"description": text} if text else {})


_ALWAYS: Final = ["ListingKey", "Version", "OriginalEntryTimestamp", "ModificationTimestamp"]

_SENT_KEY: Final[Json] = {
    "ListingKey": {"type": ["string", "null"], "description": "If sent, the one in the URL."}
}

_KEY: Final[Json] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_KEY_CHARACTERS,
    "pattern": rf"^(?!\.{{1,2}}$)[^/\\{CONTROL}]+$",
    "description": (
        "Any script, in Unicode's form NFC; no slash, backslash or control character; not `.` or"
        " `..`. Percent-encoded in a URL, as UTF-8."
    ),
    "examples": ["mlit-13-20213_20214-1", "物件-1"],
}

_PROBLEM: Final[Json] = obj(
    {
        "type": {
            "type": "string",
            "format": "uri",
            "description": "`urn:bukken:problem:…`; `about:blank` when the gateway answers.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "Quote it when you ask us."},
        "errors": {
            "type": "array",
            "items": obj(
                {"field": {"type": "string"}, "detail": {"type": "string"}},
                required=["field", "detail"],
            ),
        },
    },
    required=["type", "title", "status", "detail", "request_id"],
    description="RFC 9457. Every error has this shape, whoever answers.",
)


def _lookups() -> Json:
    return {
        name: {
            "type": "string",
            "enum": list(values),
            "description": f"RESO lookup {name}. Values may be added.",
        }
        for name, values in LOOKUPS.items()
    }


def shared_schemas() -> Json:
    """What both sides speak of."""
    listing = _sent(Listing)
    required = _required(Listing)
    return {
        "ListingKey": _KEY,
        **_lookups(),
        "Media": obj(_members(MediaItem), required=_required(MediaItem)),
        "MediaToPut": obj(
            _sent(MediaItem), required=_required(MediaItem), additionalProperties=False
        ),
        "ListingToPut": obj(
            _SENT_KEY | listing,
            required=required,
            additionalProperties=False,
            allOf=_companions(),
        ),
        "ListingPatch": obj(_SENT_KEY | listing, required=[], additionalProperties=False),
        "Listing": obj(_answered(), required=[*_ALWAYS, *required]),
        "Problem": _PROBLEM,
    }


def person() -> Json:
    """Who asks, as it is delivered: not there once it is erased."""
    return {name: schema for name, schema in _inquiry().items() if name != "ListingKey"}


def inquiry_to_post() -> Json:
    """As a portal sends it; one way to answer is needed."""
    ways = ("Email", "Phone")
    members = {n: _or_null(s) if n in ways else s for n, s in _inquiry().items()}
    return obj(
        members,
        required=_required(Inquiry),
        additionalProperties=False,
        anyOf=[_has(way) for way in ways],
    )


def _inquiry() -> Json:
    members = _members(Inquiry)
    email = {name: value for name, value in members["Email"].items() if name != "pattern"}
    return members | {"ListingKey": ref("ListingKey"), "Email": email | {"format": "email"}}
