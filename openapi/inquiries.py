"""Inquiries: what portals send in and ask for, and what the back end gets."""

from typing import Any, Final

from bukken_contract import problems
from bukken_contract.inquiry import IDEMPOTENCY_KEY, INQUIRIES
from bukken_contract.problems import DatabaseUnavailable, DeadlineExceeded
from command_api.bodies import INQUIRY_BYTES, JSON
from openapi.examples import FEED, INQUIRY, INQUIRY_KEY, TOLD, WHOLE
from openapi.operations import Answer, Operation, head_of
from openapi.parameters import query_parameters
from openapi.schemas import Json, inquiry_to_post, obj, person, ref
from query_api import inquiries, places

_WRITE: Final = "bukken/inquiries.write"
_DELIVER: Final = "bukken/inquiries.deliver"
_STATES: Final = ("Pending", "Delivered", "Parked", "Erased")
_TOLD: Final[dict[str, tuple[str, Any]]] = {
    "after": ("The last number you have; without it from the oldest that is kept.", 4711),
    "FeedId": ("The one that came with the number; required above 0.", FEED),
    "limit": ("Inquiries of a page.", 100),
}
_THEN: Final[Json] = {
    name: {
        "operationId": operation,
        "parameters": {"path.InquiryKey": "$response.body#/InquiryKey"},
        "description": text,
    }
    for name, operation, text in (
        ("read", "getInquiry", "At once: who posted it need not wait for the readers."),
        ("erase", "eraseInquiry", "It is not delivered any more, if it was not yet."),
    )
}


def schemas() -> Json:
    """What is posted, and what is told of it."""
    number = {"type": "integer", "minimum": 0, "maximum": places.LARGEST}
    time = {"type": "string", "format": "date-time"}
    status = {
        "InquiryKey": ref("InquiryKey"),
        "ListingKey": ref("ListingKey"),
        "InquiryStatus": {
            "type": "string",
            "enum": list(_STATES),
            "description": "Parked: not delivered within a day; an operator sends it again.",
        },
        "ReceivedTimestamp": time,
        "Attempts": {"type": "integer", "minimum": 0},
        "LastAttemptTimestamp": time,
        "DeliveredTimestamp": time,
        "PersonRemovedTimestamp": time,
    }
    required = list(status)[:5]
    whole = {"InquirySequence": number, **status, **person()}
    link = {"type": "string", "description": "The next page; not there on the last one."}
    page = {
        "FeedId": {"type": "string", "format": "uuid"},
        "After": number | {"description": "Ask on with this."},
        "value": {"type": "array", "items": ref("InquiryToDeliver")},
        "nextLink": link,
    }
    return {
        "InquiryKey": {"type": "string", "format": "uuid"},
        "InquiryToPost": inquiry_to_post(),
        "InquiryReceipt": obj({"InquiryKey": ref("InquiryKey")}, required=["InquiryKey"]),
        "InquiryStatus": obj(status, required=required),
        "InquiryToDeliver": obj(whole, required=["InquirySequence", *required]),
        "InquiriesPage": obj(page, required=["FeedId", "After", "value"]),
    }


def operations() -> tuple[Operation, ...]:
    """All of them; the GETs are query-api's."""
    return (*commands(), *queries())


def commands() -> tuple[Operation, ...]:
    """Those of command-api."""
    return (_post(), _erase())


def queries() -> tuple[Operation, ...]:
    """Those of query-api."""
    return tuple(each for get in (_all(), _one()) for each in (get, head_of(get)))


def _post() -> Operation:
    receipt = _json("InquiryReceipt", {"InquiryKey": INQUIRY_KEY})
    accepted = Answer(
        description="Kept, and to be delivered", headers=("Location",), content=receipt, links=_THEN
    )
    return Operation(
        path=INQUIRIES,
        method="post",
        name="postInquiry",
        tag="Inquiries",
        summary="Send somebody's question to who offers the listing",
        description=(
            "202: it is kept, and delivered as soon as the back end takes it. Send it again until"
            f" you have an answer, with the same `{IDEMPOTENCY_KEY}`: it is one inquiry. At most"
            f" {INQUIRY_BYTES} bytes."
        ),
        scope=_WRITE,
        parameters=(IDEMPOTENCY_KEY,),
        body={"required": True, "content": _json("InquiryToPost", INQUIRY)},
        answers={202: accepted},
        met=(
            problems.IdempotencyKeyMissing,
            problems.Unauthenticated,
            problems.Invalid,
            problems.IdempotencyKeyReused,
            DatabaseUnavailable,
            DeadlineExceeded,
        ),
    )


def _erase() -> Operation:
    return Operation(
        path=f"{INQUIRIES}/{{InquiryKey}}",
        method="delete",
        name="eraseInquiry",
        tag="Inquiries",
        summary="Erase the person of an inquiry of yours",
        description=(
            "Name, addresses and message go; that there was an inquiry stays. One that was not"
            " delivered is not delivered any more; of one that was, tell the back end, too."
        ),
        scope=_WRITE,
        parameters=("InquiryKey",),
        answers={204: Answer(description="Erased, now or before")},
        met=(
            problems.Unauthenticated,
            problems.NotFound,
            DatabaseUnavailable,
            DeadlineExceeded,
        ),
    )


def _one() -> Operation:
    return Operation(
        path=f"{INQUIRIES}/{{InquiryKey}}",
        method="get",
        name="getInquiry",
        tag="Inquiries",
        summary="What became of an inquiry of yours",
        description="Readable straight after the 202. Another client's is 404.",
        scope=_WRITE,
        parameters=("InquiryKey",),
        answers={200: _found("How it stands", "InquiryStatus", example=TOLD)},
        met=(
            problems.Unauthenticated,
            problems.NotFound,
            problems.ReaderBehind,
            DatabaseUnavailable,
        ),
    )


def _all() -> Operation:
    page = {"FeedId": FEED, "After": 4712, "value": [WHOLE]}
    return Operation(
        path=INQUIRIES,
        method="get",
        name="readInquiries",
        tag="Inquiries",
        summary="All inquiries after a number, for the back end",
        description=(
            "Of the last 30 days, under the rules of the change feed: once you have seen N, no"
            " number up to N appears later. 410: begin without `after`."
        ),
        scope=_DELIVER,
        parameters=query_parameters(inquiries.PARSERS, told=_TOLD),
        answers={200: _found("A page", "InquiriesPage", example=page)},
        met=(problems.BeginAgain, problems.Invalid, problems.Unavailable, DatabaseUnavailable),
    )


def _found(description: str, schema: str, *, example: Json) -> Answer:
    content = _json(schema, example)
    return Answer(description=description, headers=("Cache-Control",), content=content)


def _json(schema: str, example: Json) -> Json:
    return {JSON: {"schema": ref(schema), "examples": {"usual": {"value": example}}}}
