"""What command-api takes."""

from typing import Final, get_args, get_type_hints

from bukken_contract import problems
from bukken_contract.own_writes import HEADER as CONSISTENCY_TOKEN
from bukken_contract.problems import DatabaseUnavailable, DeadlineExceeded, Unavailable
from command_api.batch_lines import MOST_LINES, SOURCE_VERSION
from command_api.batches import RESULTS
from command_api.bodies import BATCH_BYTES, JSON, LISTING_BYTES, MERGE_PATCH, NDJSON
from command_api.conditions import INT64_MAX
from command_api.handlers import Outcome
from openapi.examples import BATCH, BATCH_RESULTS, LISTING, PATCH, RECEIPT
from openapi.operations import Answer, Operation
from openapi.schemas import VERSION, Json, obj, ref, shared_schemas

_WRITE: Final = "bukken/listings.write"
_OUTCOMES: Final = list(get_args(get_type_hints(Outcome)["result"]))
_LATE: Final = (problems.LateSourceVersion, problems.SourceVersionConflict)
_AWAY: Final = (DatabaseUnavailable, DeadlineExceeded)

_THEN: Final[Json] = {
    "parameters": {"path.ListingKey": "$response.body#/ListingKey"},
    "description": "Readers follow the writer within moments.",
}
_BASED: Final[Json] = {
    "parameters": _THEN["parameters"] | {"header.If-Match": "$response.header.ETag"},
    "description": "Only if nobody has changed it since.",
}
_LINKS: Final[Json] = {
    "read": {"operationId": "getListing", **_THEN},
    "change": {"operationId": "patchListing", **_BASED},
    "remove": {"operationId": "deleteListing", **_BASED},
}


def schemas() -> Json:
    """What commands are answered with, and the lines of a batch."""
    to_put = shared_schemas()["ListingToPut"]
    members = to_put["properties"] | {
        "ListingKey": ref("ListingKey"),
        SOURCE_VERSION: {"type": ["integer", "null"], "minimum": 0, "maximum": INT64_MAX},
    }
    result = {"type": "string", "enum": _OUTCOMES}
    words = {"type": "string", "enum": [*_OUTCOMES, *RESULTS.values()]}
    return {
        "Receipt": obj(
            {"ListingKey": ref("ListingKey"), "Version": dict(VERSION), "Result": result},
            required=["ListingKey", "Version", "Result"],
        ),
        "BatchLine": to_put
        | {"properties": members, "required": ["ListingKey", *to_put["required"]]},
        "BatchResult": obj(
            {
                "Line": {"type": "integer", "minimum": 1, "maximum": MOST_LINES},
                "ListingKey": {"type": "string"},
                "Result": words,
                "Version": dict(VERSION),
                "Problem": ref("Problem"),
            },
            required=["Line", "Result"],
        ),
    }


def operations() -> tuple[Operation, ...]:
    """All of them."""
    return (_put(), _patch(), _delete(), _batch())


def _put() -> Operation:
    return Operation(
        path="/v1/listings/{ListingKey}",
        method="put",
        name="putListing",
        tag="Writing",
        summary="Create or replace a listing",
        description=(
            "The whole listing; what is left out is not known. A repeated or late message is told"
            f" by its `Source-Version`. At most {LISTING_BYTES} bytes; numbers are taken exactly"
            " as written or refused, never rounded."
        ),
        scope=_WRITE,
        parameters=("ListingKey", "If-Match", "If-None-Match-Any", "Source-Version"),
        body=_body({JSON: ("ListingToPut", LISTING)}),
        answers={200: _receipt("Changed, or unchanged", created=False), 201: _receipt("Created")},
        met=(
            *_LATE,
            problems.PreconditionFailed,
            problems.InvalidListingKey,
            problems.Invalid,
            *_AWAY,
        ),
    )


def _patch() -> Operation:
    return Operation(
        path="/v1/listings/{ListingKey}",
        method="patch",
        name="patchListing",
        tag="Writing",
        summary="Change some members of a listing",
        description=(
            "JSON Merge Patch (RFC 7396): null removes. It names what it was made on: `If-Match`,"
            " or `Source-Base-Version`."
        ),
        scope=_WRITE,
        parameters=(
            "ListingKey",
            "If-Match",
            "If-None-Match-Any",
            "Source-Version",
            "Source-Base-Version",
        ),
        body=_body({MERGE_PATCH: ("ListingPatch", PATCH), JSON: ("ListingPatch", PATCH)}),
        answers={200: _receipt("Changed, or unchanged", created=False)},
        met=(
            problems.NotFound,
            *_LATE,
            problems.SendWholeListing,
            problems.ListingRemoved,
            problems.PreconditionFailed,
            problems.InvalidListingKey,
            problems.Invalid,
            problems.PreconditionRequired,
            *_AWAY,
        ),
    )


def _delete() -> Operation:
    return Operation(
        path="/v1/listings/{ListingKey}",
        method="delete",
        name="deleteListing",
        tag="Writing",
        summary="Remove a listing",
        description=(
            "It leaves a tombstone, also where nothing was if it has a `Source-Version`: a late PUT"
            " does not bring the dead back."
        ),
        scope=_WRITE,
        parameters=("ListingKey", "If-Match", "If-None-Match-Any", "Source-Version"),
        answers={204: Answer(description="Removed, now or before", headers=(CONSISTENCY_TOKEN,))},
        met=(
            problems.NotFound,
            *_LATE,
            problems.PreconditionFailed,
            problems.InvalidListingKey,
            *_AWAY,
        ),
    )


def _batch() -> Operation:
    answer = {"schema": _lines("BatchResult"), "examples": {"results": {"value": BATCH_RESULTS}}}
    return Operation(
        path="/v1/batches/listings",
        method="post",
        name="postListings",
        tag="Writing",
        summary="Create or replace up to 5,000 listings",
        description=(
            f"NDJSON, a listing a line: at most {MOST_LINES} lines, {BATCH_BYTES} bytes, and"
            f" {LISTING_BYTES} bytes a line. Each line is for itself and has one result, in their"
            " order. When the connection breaks midway, sending all of it again is harmless."
        ),
        scope=_WRITE,
        body={
            "required": True,
            "content": {
                NDJSON: {"schema": _lines("BatchLine"), "examples": {"two": {"value": BATCH}}}
            },
        },
        answers={
            200: Answer(
                description="One result for each line",
                headers=(CONSISTENCY_TOKEN,),
                content={NDJSON: answer},
            )
        },
        met=(Unavailable, *_AWAY),
    )


def _lines(line: str) -> Json:
    """OpenAPI 3.1 has no word for a sequence of JSON values: a text, whose lines are these."""
    return {
        "type": "string",
        "contentMediaType": NDJSON,
        "contentSchema": ref(line),
        "description": f"One `{line}` on each line.",
    }


def _body(content: dict[str, tuple[str, Json]]) -> Json:
    return {
        "required": True,
        "content": {
            kind: {"schema": ref(schema), "examples": {"usual": {"value": example}}}
            for kind, (schema, example) in content.items()
        },
    }


def _receipt(description: str, *, created: bool = True) -> Answer:
    example = RECEIPT | ({} if created else {"Version": 8, "Result": "changed"})
    return Answer(
        description=description,
        headers=("ETag", CONSISTENCY_TOKEN, *(("Location",) if created else ())),
        content={JSON: {"schema": ref("Receipt"), "examples": {"usual": {"value": example}}}},
        links=_LINKS,
    )
