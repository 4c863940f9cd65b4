"""What query-api answers."""

from typing import Any, Final

from bukken_contract import problems
from bukken_contract.own_writes import HEADER as CONSISTENCY_TOKEN
from bukken_contract.paths import OPENAPI, OPENAPI_PAGE
from openapi.examples import ANSWERED, CHANGES, EXPORT, FEED, KEY
from openapi.operations import Answer, Operation, head_of
from openapi.parameters import query_parameters
from openapi.schemas import VERSION, Json, obj, ref
from query_api import changes, exports, places, routes, search_parameters

_READ: Final = "bukken/listings.read"
_JSON: Final = "application/json"
_NDJSON: Final = "application/x-ndjson"
_CACHED: Final = ("Cache-Control",)
_READING: Final = (
    problems.ConsistencyTokenRefused,
    problems.DatabaseUnavailable,
    problems.ReaderBehind,
)
_AREAS: Final = "square metres, or as `AreaUnits` says"

_LIMIT: Final = ("Rows of a page.", 50)
_CURSOR: Final = ("Where the page begins; from a `nextLink`, good for a day.", "AAEAAAAAaR8z")

# By name; a parameter of the search that is not here keeps the document from being made.
_SEARCH: Final[dict[str, tuple[str, Any]]] = {
    "ListingKey": ("These listings; those you may not see are left out.", [KEY]),
    "StandardStatus": ("One of these.", ["Active", "Pending"]),
    "PropertyType": ("One of these.", ["Residential"]),
    "PropertySubType": ("One of these.", ["Condominium"]),
    "StateOrProvince": ("One of these.", ["東京都"]),
    "City": ("One of these; a comma within a value is written `\\,`.", ["新宿区", "渋谷区"]),
    "MunicipalityCode": ("One of these.", ["13104"]),
    "PostalCode": ("One of these.", ["160-0022"]),
    "NearestStation": ("One of these.", ["新宿"]),
    "Currency": ("One of these; just one with prices.", ["JPY"]),
    "ListPrice.ge": ("From this price; needs one `Currency`.", 30000000),
    "ListPrice.le": ("Up to this price; needs one `Currency`.", 50000000),
    "LivingArea.ge": (f"From this area, {_AREAS}.", 50),
    "LivingArea.le": (f"Up to this area, {_AREAS}.", 80.5),
    "LotSizeArea.ge": (f"From this area, {_AREAS}.", 100),
    "LotSizeArea.le": (f"Up to this area, {_AREAS}.", 300),
    "BuildingAreaTotal.ge": (f"From this area, {_AREAS}.", 80),
    "BuildingAreaTotal.le": (f"Up to this area, {_AREAS}.", 120),
    "BedroomsTotal.ge": ("From so many.", 2),
    "BedroomsTotal.le": ("Up to so many.", 4),
    "YearBuilt.ge": ("Built in this year or later.", 2000),
    "YearBuilt.le": ("Built in this year or before.", 2020),
    "WalkingMinutes.ge": ("From so many minutes on foot.", 0),
    "WalkingMinutes.le": ("Up to so many minutes on foot.", 10),
    "AreaUnits": ("The unit of the areas you ask with.", "SquareMeters"),
    "near": ("Around this `latitude,longitude`; needs `radius_km`.", "35.681236,139.767125"),
    "radius_km": ("At most so many kilometres; needs `near`.", 2.5),
    "q": ("Every one of up to 10 words stands somewhere in its text.", "新宿 ２ＬＤＫ"),
    "sort": ("`-` turns the order. By price: one `Currency`; `distance`: `near`.", "ListPrice"),
    "limit": _LIMIT,
    "cursor": _CURSOR,
}
_CHANGES: Final[dict[str, tuple[str, Any]]] = {
    "after": ("The last number you have; 0 to begin.", 4711),
    "FeedId": ("The one that came with the number; required above 0.", FEED),
    "include": ("`listing`: each event brings its listing, or `Gone`.", "listing"),
    "limit": ("Events of a page.", 1000),
}


def schemas() -> Json:
    """Pages and events."""
    link = {"type": "string", "description": "The next page; not there on the last one."}
    key = {"ListingKey": ref("ListingKey"), "Version": dict(VERSION)}
    event = {
        "EntityEventSequence": _sequence(),
        "ResourceName": {"type": "string", "enum": ["Property"]},
        "ResourceRecordKey": ref("ListingKey"),
        "Listing": ref("Listing"),
        "Gone": {"type": "boolean", "enum": [True]},
    }
    feed_id = {"type": "string", "format": "uuid"}
    end = {
        "next": link,
        "complete": {"type": "boolean", "enum": [True]},
        "count": {"type": "integer", "minimum": 0},
        "FeedId": feed_id,
        "EntityEventSequence": _sequence(),
        "changes": {"type": "string", "description": "Where to follow from."},
    }
    return {
        "ListingsPage": _page(ref("Listing"), link=link),
        "KeysPage": _page(obj(key, required=list(key)), link=link),
        "Event": obj(event, required=list(event)[:3]),
        "ChangesPage": obj(
            {
                "FeedId": feed_id,
                "After": _sequence() | {"description": "Ask on with this."},
                "value": {"type": "array", "items": ref("Event")},
                "nextLink": link,
            },
            required=["FeedId", "After", "value"],
        ),
        "ExportEnd": obj(end, required=["count", "FeedId", "EntityEventSequence", "changes"]),
        "ExportLine": {"anyOf": [ref("Listing"), ref("ExportEnd")]},
    }


def _sequence() -> Json:
    return {"type": "integer", "minimum": 0, "maximum": places.LARGEST}


def _page(item: Json, *, link: Json) -> Json:
    return obj({"value": {"type": "array", "items": item}, "nextLink": link}, required=["value"])


def operations() -> tuple[Operation, ...]:
    """Each GET, and the HEAD beside it."""
    gets = (_search(), _one(), _keys(), _changes(), _export(), *_descriptions())
    return tuple(each for get in gets for each in (get, head_of(get)))


def _search() -> Operation:
    return Operation(
        path=routes.LISTINGS,
        method="get",
        name="searchListings",
        tag="Reading",
        summary="Search the visible listings",
        description=(
            "All parameters hold at once. One that is unknown, stands twice, is malformed or"
            " contradicts another is refused and named; none is ever ignored. Follow `nextLink`"
            " as it is until there is none."
        ),
        scope=_READ,
        parameters=(*query_parameters(search_parameters.PARSERS, told=_SEARCH), CONSISTENCY_TOKEN),
        answers={200: _json("A page", "ListingsPage", example={"value": [ANSWERED]})},
        met=(problems.Invalid, problems.SearchTooCostly, *_READING),
    )


def _one() -> Operation:
    found = Answer(
        description="The listing",
        headers=("ETag", *_CACHED),
        content={
            _JSON: {"schema": ref("Listing"), "examples": {"usual": {"value": ANSWERED}}},
        },
    )
    return Operation(
        path="/v1/listings/{ListingKey}",
        method="get",
        name="getListing",
        tag="Reading",
        summary="Read one listing",
        description=(
            "What is not known is left out, and so is an address that is not to be displayed. 404:"
            " never there or not visible; 410: it was visible and has been removed."
        ),
        scope=_READ,
        parameters=("ListingKey", "If-None-Match", CONSISTENCY_TOKEN),
        answers={
            200: found,
            304: Answer(description="You have it as it is", headers=("ETag", *_CACHED)),
        },
        met=(
            problems.NotFound,
            problems.ListingRemoved,
            problems.InvalidListingKey,
            *_READING,
        ),
    )


def _keys() -> Operation:
    told = {"limit": ("Keys of a page.", 1000), "cursor": _CURSOR}
    example = {"value": [{"ListingKey": KEY, "Version": 7}]}
    return Operation(
        path=routes.KEYS,
        method="get",
        name="listKeys",
        tag="Following",
        summary="Keys and versions of everything visible",
        description="In key order: to reconcile a copy cheaply.",
        scope=_READ,
        parameters=(*query_parameters(routes.KEYS_PARSERS, told=told), CONSISTENCY_TOKEN),
        answers={200: _json("A page", "KeysPage", example=example)},
        met=(problems.Invalid, *_READING),
    )


def _changes() -> Operation:
    return Operation(
        path=changes.CHANGES,
        method="get",
        name="readChanges",
        tag="Following",
        summary="What changed after a number",
        description=(
            "RESO EntityEvent. Once you have seen N, no number up to N appears later; of one"
            " listing, numbers follow versions. 410: load everything anew from the export."
        ),
        scope=_READ,
        parameters=(
            *query_parameters(changes.PARSERS, told=_CHANGES, required=frozenset({places.AFTER})),
            CONSISTENCY_TOKEN,
        ),
        answers={200: _json("A page", "ChangesPage", example=CHANGES)},
        met=(
            problems.BeginAgain,
            problems.Invalid,
            problems.Unavailable,
            *_READING,
        ),
    )


def _export() -> Operation:
    told = {"limit": ("Listings of a page.", 1000), "cursor": _CURSOR}
    lines = {
        "type": "string",
        "contentMediaType": _NDJSON,
        "contentSchema": ref("ExportLine"),
        "description": "One `Listing` on each line, an `ExportEnd` on the last.",
    }
    content = {_NDJSON: {"schema": lines, "examples": {"last page": {"value": EXPORT}}}}
    return Operation(
        path=exports.EXPORT,
        method="get",
        name="exportListings",
        tag="Following",
        summary="Everything visible, in pages that can be resumed",
        description=(
            "NDJSON, in key order. The last line says what to ask next, or that it is complete; a"
            " page without it broke off. The export, then all changes after its"
            " `EntityEventSequence`, is the table."
        ),
        scope=_READ,
        parameters=(*query_parameters(exports.PARSERS, told=told), CONSISTENCY_TOKEN),
        answers={200: Answer(description="A page", headers=_CACHED, content=content)},
        met=(problems.BeginAgain, problems.Invalid, problems.Unavailable, *_READING),
    )


def _descriptions() -> tuple[Operation, Operation]:
    """Of this document and its page."""
    kinds = (
        (OPENAPI, "getDescription", _JSON, {"type": "object"}, "This document"),
        (OPENAPI_PAGE, "getPage", "text/html", {"type": "string"}, "This document as a page"),
    )
    first, second = (
        Operation(
            path=path,
            method="get",
            name=name,
            tag="Describing",
            summary=summary,
            description="For everybody: it needs no token.",
            scope=None,
            answers={
                200: Answer(
                    description=summary, headers=_CACHED, content={kind: {"schema": schema}}
                )
            },
        )
        for path, name, kind, schema, summary in kinds
    )
    return first, second


def _json(description: str, schema: str, *, example: Json) -> Answer:
    content = {"schema": ref(schema), "examples": {"usual": {"value": example}}}
    return Answer(description=description, headers=_CACHED, content={_JSON: content})
