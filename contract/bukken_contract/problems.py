"""Every error a client can see, as one tree. One handler per service renders them all.

Problem                         status
├── MalformedRequest            400    not HTTP, JSON or UTF-8 as we understand it
│   ├── ConsistencyTokenRefused        forged, of another exchange, or expired
│   └── IdempotencyKeyMissing          a call that needs one has none, or one of another form
├── Unauthenticated             401    the sidecar named no client; through it, none comes so far
├── NotFound                    404    never there, or not to be seen
├── MethodNotAllowed            405    with the Allow of both sides
├── Conflict                    409
│   ├── LateSourceVersion              an older message; safe to acknowledge
│   ├── SourceVersionConflict          the same version with other content
│   └── SendWholeListing               the patch's base is not what is stored
├── ListingRemoved              410
├── BeginAgain                  410    these changes cannot be followed from there; export first
├── PreconditionFailed          412
├── BodyTooLarge                413
├── UnsupportedMediaType        415
├── Invalid                     422    understood, but breaks a rule; names each field
│   ├── InvalidListingKey
│   ├── IdempotencyKeyReused           the same key came with another body before
│   └── SearchTooCostly                no index answers it in time; advice in `detail`
├── PreconditionRequired        428
├── InternalError               500    ours; says nothing but the request's id
└── Unavailable                 503    with Retry-After
    ├── DatabaseUnavailable
    ├── ReaderBehind                   a write of one's own cannot be seen yet
    └── DeadlineExceeded
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from bukken_contract.listing import Fault

CONTENT_TYPE: Final = "application/problem+json"


class Problem(Exception):
    """An answer that is not the one asked for (RFC 9457)."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal Server Error"

    def __init__(
        self,
        detail: str,
        *,
        faults: Sequence["Fault"] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults
        self.headers = dict(headers or {})

    def body(self, *, request_id: str) -> dict[str, object]:
        """The members of the answer, in the order people read them."""
        members: dict[str, object] = {
            "type": f"urn:bukken:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        return members | ({"errors": [asdict(f) for f in self.faults]} if self.faults else {})


class MalformedRequest(Problem):
    """The request cannot be understood."""

    status, code, title = 400, "malformed-request", "Bad Request"


class IdempotencyKeyMissing(MalformedRequest):
    """Without it a request that is sent again would be done twice."""

    code = "idempotency-key-missing"


class Unauthenticated(Problem):
    """Nobody knows whose request this is."""

    status, code, title = 401, "unauthenticated", "Unauthorized"


class ConsistencyTokenRefused(MalformedRequest):
    """The token for reading one's own write is none of ours, or too old."""

    code = "consistency-token-refused"


class NotFound(Problem):
    """Nothing is here, or nothing this client may see."""

    status, code, title = 404, "not-found", "Not Found"


class MethodNotAllowed(Problem):
    """The path exists, the method does not; `Allow` names those that do, on both sides."""

    status, code, title = 405, "method-not-allowed", "Method Not Allowed"


class Conflict(Problem):
    """The request does not fit what is stored."""

    status, code, title = 409, "conflict", "Conflict"


class LateSourceVersion(Conflict):
    """A newer message of the producer was already taken in. Safe to acknowledge."""

    code = "late-source-version"


class SourceVersionConflict(Conflict):
    """The producer gave the same `Source-Version` to different contents."""

    code = "source-version-conflict"


class SendWholeListing(Conflict):
    """The patch is based on a version that is not the stored one: a PUT mends it."""

    code = "send-whole-listing"


class ListingRemoved(Problem):
    """The listing was there and has been removed."""

    status, code, title = 410, "listing-removed", "Gone"


class BeginAgain(Problem):
    """What the client holds cannot be brought up to date by changes; it starts with an export."""

    status, code, title = 410, "begin-again", "Gone"


class PreconditionFailed(Problem):
    """Somebody else changed the listing first, or it is not as the condition says."""

    status, code, title = 412, "precondition-failed", "Precondition Failed"


class BodyTooLarge(Problem):
    """The body is over the limit."""

    status, code, title = 413, "body-too-large", "Content Too Large"


class UnsupportedMediaType(Problem):
    """The body is of another type, charset or encoding than those taken."""

    status, code, title = 415, "unsupported-media-type", "Unsupported Media Type"


class Invalid(Problem):
    """The body was understood and breaks a rule; `errors` names each field."""

    status, code, title = 422, "invalid", "Unprocessable Content"


class InvalidListingKey(Invalid):
    """The `ListingKey` in the URL breaks a rule of keys."""

    code = "invalid-listing-key"


class IdempotencyKeyReused(Invalid):
    """The client gave the same `Idempotency-Key` to different bodies."""

    code = "idempotency-key-reused"


class SearchTooCostly(Invalid):
    """The search is understood, and too wide to be answered in time; `detail` says what helps.

    Why not 503? That invites proxies and clients to send it again as it is, and again the database
    would work for nothing.
    """

    code = "search-too-costly"


class PreconditionRequired(Problem):
    """A PATCH that does not say what it is based on."""

    status, code, title = 428, "precondition-required", "Precondition Required"


class InternalError(Problem):
    """Our fault. The log has the rest, under the request's id."""


class Unavailable(Problem):
    """Not now; the same request may succeed soon."""

    status, code, title = 503, "unavailable", "Service Unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class DatabaseUnavailable(Unavailable):
    """The database did not answer, or its writer is moving."""

    code = "database-unavailable"


class ReaderBehind(Unavailable):
    """The reader has not got the write that is to be seen, and the writer cannot be asked."""

    code = "reader-behind"


class DeadlineExceeded(Unavailable):
    """The request's own deadline passed before it was done."""

    code = "deadline-exceeded"
