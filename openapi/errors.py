"""Every error as the document shows it: those of the services, and those of the gateway (Envoy)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bukken_contract import problems
from bukken_contract.listing import Fault
from bukken_contract.problems import CONTENT_TYPE, Problem
from openapi.schemas import Json, ref

REQUEST_ID: Final = "0d3c9b1e-6f0a-4d7e-9a53-2f1f0c7a8b11"

# By class: what it says when it is met. Words of ours alone: the rest is the class's own.
_DETAILS: Final[Mapping[type[Problem], str]] = {
    problems.MalformedRequest: "the body is not JSON: Expecting value at line 1, column 15",
    problems.ConsistencyTokenRefused: "the Consistency-Token has expired; ask without it",
    problems.IdempotencyKeyMissing: (
        "one Idempotency-Key header is required: 8 to 64 letters, digits, - or _, a UUID say"
    ),
    problems.Unauthenticated: "an inquiry is a client's; the sidecar names it in X-Client-Id",
    problems.NotFound: "there is no such listing",
    problems.MethodNotAllowed: "POST is not served here; /v1/listings takes GET, HEAD",
    problems.LateSourceVersion: "Source-Version 8 was taken in before",
    problems.SourceVersionConflict: "Source-Version 7 came with other content",
    problems.SendWholeListing: "the base is 6; the last Source-Version is 7",
    problems.ListingRemoved: "the listing has been removed",
    problems.BeginAgain: (
        "the feed is another one; load everything from /v1/exports/listings, then follow the"
        " changes after the number it gives"
    ),
    problems.PreconditionFailed: "If-Match — the listing is at version 8 now",
    problems.BodyTooLarge: "the body has at most 262144 bytes here",
    problems.UnsupportedMediaType: "Content-Type must be one of: application/json",
    problems.Invalid: "1 fault(s) in the listing",
    problems.InvalidListingKey: "a ListingKey is in Unicode's normal form NFC",
    problems.IdempotencyKeyReused: ("this Idempotency-Key came with another body; make a new one"),
    problems.SearchTooCostly: "too many listings match; name a City",
    problems.PreconditionRequired: "a PATCH names its base: If-Match or Source-Base-Version",
    problems.InternalError: "our fault; the log has the rest under the request's id",
    problems.Unavailable: "as many batches as can be held are at work; send it again",
    problems.DatabaseUnavailable: "the database did not answer in time",
    problems.ReaderBehind: "the reader has not got that write yet; ask again",
    problems.DeadlineExceeded: "the time is over; send it again",
}
_FAULTS: Final[Mapping[type[Problem], tuple[Fault, ...]]] = {
    problems.Invalid: (Fault("ListPrice", "must be at least 0"),)
}


@dataclass(frozen=True, kw_only=True)
class FromTheGateway:
    """An answer that Envoy gives itself: `about:blank`, and the status says what it is."""

    status: int
    title: str
    name: str
    summary: str
    detail: str


# test_the_gateways_words_are_its_files_own compares these with envoy/*.yaml.
MALFORMED_PATH: Final = FromTheGateway(
    status=400,
    title="Bad Request",
    name="gateway-bad-request",
    summary="The path holds an escaped slash, or the request is no HTTP.",
    detail="The path holds an escaped slash or backslash.",
)
UNAUTHORIZED: Final = FromTheGateway(
    status=401,
    title="Unauthorized",
    name="gateway-unauthorized",
    summary="No token, or one that is not valid.",
    detail="Send one Authorization header: Bearer, a space and a valid access token.",
)
FORBIDDEN: Final = FromTheGateway(
    status=403,
    title="Forbidden",
    name="gateway-forbidden",
    summary="A valid token without the scope of this call.",
    detail="The access token does not carry the scope this call needs.",
)
SLOW_UPLOAD: Final = FromTheGateway(
    status=408,
    title="Request Timeout",
    name="gateway-request-timeout",
    summary="The body did not arrive in time.",
    detail="request timeout",
)
TOO_LARGE: Final = FromTheGateway(
    status=413,
    title="Content Too Large",
    name="gateway-content-too-large",
    summary="The body is over the limit.",
    detail="Payload Too Large",
)
TOO_MANY: Final = FromTheGateway(
    status=429,
    title="Too Many Requests",
    name="gateway-too-many-requests",
    summary="More requests a second than a client has.",
    detail="Too many requests. Slow down.",
)
LARGE_HEADERS: Final = FromTheGateway(
    status=431,
    title="Request Header Fields Too Large",
    name="gateway-header-fields-too-large",
    summary="More than 16 KiB, or 100, of headers.",
    detail="",
)
BUSY: Final = FromTheGateway(
    status=503,
    title="Service Unavailable",
    name="gateway-unavailable",
    summary="The service is full, restarting, or cannot check tokens.",
    detail="The service is busy or not ready. Try again.",
)
SILENT: Final = FromTheGateway(
    status=504,
    title="Gateway Timeout",
    name="gateway-timeout",
    summary="No answer within 15 s.",
    detail="The service did not answer in time.",
)
GATEWAY: Final = (
    MALFORMED_PATH,
    UNAUTHORIZED,
    FORBIDDEN,
    SLOW_UPLOAD,
    TOO_LARGE,
    TOO_MANY,
    LARGE_HEADERS,
    BUSY,
    SILENT,
)
Met = type[Problem] | FromTheGateway

RATE_LIMIT: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

_HEADERS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After", *RATE_LIMIT),
    503: ("Retry-After",),
}


def all_problems(kind: type[Problem] = Problem) -> tuple[type[Problem], ...]:
    """Every problem a client can meet; `Conflict` and `Problem` are only names for several."""
    below = [each for child in kind.__subclasses__() for each in all_problems(child)]
    return tuple(([kind] if kind in _DETAILS else []) + below)


def name_of(met: Met) -> str:
    """What its example is called in the document."""
    return met.name if isinstance(met, FromTheGateway) else met.code


def problem_examples() -> Json:
    """One of each, for `components/examples`."""
    every: list[Met] = [*all_problems(), *GATEWAY]
    return {name_of(met): _example(met) for met in every}


def _example(met: Met) -> Json:
    if isinstance(met, FromTheGateway):
        value = {
            "type": "about:blank",
            "title": met.title,
            "status": met.status,
            "detail": met.detail,
            "request_id": REQUEST_ID,
        }
        return {"summary": met.summary, "value": value}
    problem = met.__new__(met)
    Problem.__init__(problem, _DETAILS[met], faults=_FAULTS.get(met, ()))
    summary = (met.__doc__ or "").partition("\n")[0]
    return {"summary": summary, "value": problem.body(request_id=REQUEST_ID)}


def problem_responses(kinds: Iterable[Met]) -> Json:
    """The answers of an operation that can meet these problems, by status."""
    by_status: dict[int, list[Met]] = {}
    for met in kinds:
        by_status.setdefault(met.status, []).append(met)
    return {str(status): _response(status, of=by_status[status]) for status in sorted(by_status)}


def _response(status: int, *, of: list[Met]) -> Json:
    headers = ("X-Request-ID", *_HEADERS.get(status, ()))
    examples = {name_of(met): {"$ref": f"#/components/examples/{name_of(met)}"} for met in of}
    return {
        "description": of[0].title,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {CONTENT_TYPE: {"schema": ref("Problem"), "examples": examples}},
    }
