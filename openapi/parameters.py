"""Parameters and headers: each by the name and the bounds the services check it with."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from bukken_contract.inquiry import IDEMPOTENCY_KEY
from bukken_contract.own_writes import HEADER as CONSISTENCY_TOKEN
from command_api.conditions import (
    IF_MATCH,
    IF_NONE_MATCH,
    INT64_MAX,
    SOURCE_BASE_VERSION,
    SOURCE_VERSION,
)
from openapi.examples import INQUIRY_KEY
from openapi.schemas import Json, ref
from query_api import changes, parsing, places, search_parameters
from query_api.parsing import Parser
from query_api.search import SORTS
from query_api.search_parameters import (
    MAX_CHARACTERS,
    MAX_RADIUS_KM,
    MAX_VALUES,
    NEAR,
    VALUE,
    WORDS,
)

ETAG: Final = '"7-1"'
_SIGNED: Final = "5v0mPNnKk3rJb4m5c1nGdDE3NjM4MDA1MDAuMS54"
_TOKEN_FORM: Final[Json] = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
_LISTING_KEY: Final[Json] = {
    "name": "ListingKey",
    "in": "path",
    "required": True,
    "description": "The listing's key, percent-encoded.",
    "schema": ref("ListingKey"),
    "example": "物件-1",
}
_SOURCE_NUMBER: Final[Json] = {"type": "integer", "minimum": 0, "maximum": INT64_MAX}
_NUMBER: Final[Json] = {"type": "number", "minimum": 0, "maximum": 999999999999.99}
_WHOLE: Final[Json] = {"type": "integer", "minimum": 0, "maximum": 9999}


def header(name: str, schema: Json, *, example: object, text: str) -> Json:
    """A request's header."""
    return {
        "name": name,
        "in": "header",
        "description": text,
        "schema": schema,
        "example": example,
    }


def shared_parameters() -> Json:
    """By the names that operations refer to."""
    return {
        "ListingKey": dict(_LISTING_KEY),
        "InquiryKey": {
            "name": "InquiryKey",
            "in": "path",
            "required": True,
            "description": "The key that the 202 gave.",
            "schema": ref("InquiryKey"),
            "example": INQUIRY_KEY,
        },
        IDEMPOTENCY_KEY: header(
            IDEMPOTENCY_KEY,
            {"type": "string", "pattern": '^(?:[A-Za-z0-9_-]{8,64}|"[A-Za-z0-9_-]{8,64}")$'},
            example="0f2a6a3e-6f5c-4a51-8d2e-7a4f3f1b9c10",
            text="Your own name of this inquiry: the same again when you send it again.",
        )
        | {"required": True},
        IF_MATCH: header(
            IF_MATCH,
            {"type": "string", "pattern": r'^(?:\*|"[1-9][0-9]{0,17}-[0-9]{1,4}")$'},
            example=ETAG,
            text="Only if the listing still is as this ETag says; `*`: only if it is there.",
        ),
        "If-None-Match-Any": header(
            IF_NONE_MATCH,
            {"type": "string", "enum": ["*"]},
            example="*",
            text="Only if there is no such listing.",
        ),
        IF_NONE_MATCH: header(
            IF_NONE_MATCH,
            {"type": "string"},
            example=ETAG,
            text="ETags you have: 304 if one of them is current.",
        ),
    } | _source_numbers()


def _source_numbers() -> Json:
    """What a producer counts its messages with."""
    return {
        SOURCE_VERSION: header(
            SOURCE_VERSION,
            _SOURCE_NUMBER,
            example=8,
            text="Your own number of this message, counted up with each change of the listing.",
        ),
        SOURCE_BASE_VERSION: header(
            SOURCE_BASE_VERSION,
            _SOURCE_NUMBER,
            example=7,
            text="The Source-Version the patch was made from; below the message's own.",
        ),
        CONSISTENCY_TOKEN: header(
            CONSISTENCY_TOKEN,
            _TOKEN_FORM,
            example=_SIGNED,
            text="From a command's answer, for some minutes: that write or a newer one is seen.",
        ),
    }


def shared_headers() -> Json:
    """Headers of answers."""
    text: Json = {"type": "string"}
    return {
        "X-Request-ID": _answered(
            text, "The request's id: quote it when you ask us.", required=True
        ),
        "ETag": _answered(
            {"type": "string", "pattern": r'^"[1-9][0-9]*-[0-9]+"$'},
            "The listing's version and how it is written; for `If-Match` and `If-None-Match`.",
            required=True,
        ),
        "Location": _answered(text, "Where what is new can be read.", required=True),
        CONSISTENCY_TOKEN: _answered(
            _TOKEN_FORM, "Sent with a query: it sees this write (of a batch the last) or newer."
        ),
        "Retry-After": _answered(
            {"type": "integer", "minimum": 1},
            "Seconds until it is worth another try.",
            required=True,
        ),
        "X-RateLimit-Limit": _answered(text, "Requests a second that you have."),
        "X-RateLimit-Remaining": _answered(text, "How many of them are left."),
        "X-RateLimit-Reset": _answered(text, "Seconds until all are there again."),
        "WWW-Authenticate": _answered(text, "RFC 6750.", required=True),
        "Allow": _answered(text, "The methods there are, of both sides.", required=True),
        "Cache-Control": _answered(text, "Who may keep the answer, and how long.", required=True),
    }


def _answered(schema: Json, description: str, *, required: bool = False) -> Json:
    return {"description": description, "required": required, "schema": schema}


def _several(*, longest: int, most: int) -> Json:
    one = {"type": "string", "pattern": f"^{VALUE}{{1,{longest}}}$"}
    return {"type": "array", "items": one, "minItems": 1, "maxItems": most}


def _lookups(*, lookup: str) -> Json:
    return {"type": "array", "items": ref(lookup), "minItems": 1, "maxItems": MAX_VALUES}


# By the function that reads it; a parser that is not here has no schema, and the document no build.
_FORMS: Final[Mapping[Callable[..., Any], Callable[..., Json]]] = {
    search_parameters.several: _several,
    search_parameters.lookups: _lookups,
    search_parameters.decimal: lambda: _NUMBER | {"multipleOf": 0.01},
    search_parameters.whole: lambda: dict(_WHOLE),
    search_parameters.area_units: lambda: ref("AreaUnits"),
    search_parameters.near: lambda: {"type": "string", "pattern": f"^{NEAR}$"},
    search_parameters.radius: lambda: {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": MAX_RADIUS_KM,
        "multipleOf": 0.001,
    },
    search_parameters.words: lambda: {
        "type": "string",
        "maxLength": MAX_CHARACTERS,
        "pattern": f"^{WORDS}$",
    },
    search_parameters.sort_of: lambda: {"type": "string", "enum": list(SORTS)},
    parsing.page_limit: lambda *, most: {"type": "integer", "minimum": 1, "maximum": most},
    parsing.cursor_parser: lambda: {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
    places.number: lambda: {"type": "integer", "minimum": 0, "maximum": places.LARGEST},
    places.feed_id_of: lambda: {"type": "string", "format": "uuid"},
    changes.include: lambda: {"type": "string", "enum": ["listing"]},
}


def form_of(parser: Parser) -> Json:
    """The JSON Schema of what a parser takes."""
    if isinstance(parser, partial):
        return _FORMS[parser.func](**parser.keywords)
    return _FORMS[parser]()


def query_parameters(
    parsers: Mapping[str, Parser],
    *,
    told: Mapping[str, tuple[str, object]],
    required: frozenset[str] = frozenset(),
) -> list[Json]:
    """All parameters of a call.

    Args:
        parsers: the call's own table.
        told: by name: what it finds, and an example. A name that is missing is a KeyError.
        required: those that must be sent.
    """
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": told[name][0],
            # Values between commas, in one parameter: a repeated one is refused.
            **_style(schema := form_of(parser)),
            "schema": schema,
            "example": told[name][1],
        }
        for name, parser in parsers.items()
    ]


def _style(schema: Json) -> Json:
    return {"style": "form", "explode": False} if schema.get("type") == "array" else {}
