"""An inquiry as the public contract knows it: who asks what, about which listing, and where to.

Names on the wire are the RESO Data Dictionary's where it has a word (resource Contacts: FullName,
Email). It has none for one telephone number of no special kind, nor for what somebody asks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from annotated_types import MaxLen, MinLen

from bukken_contract.keys import MAX_KEY_CHARACTERS
from bukken_contract.problems import Unauthenticated

INQUIRIES: Final = "/v1/inquiries"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"

# What the sidecar puts on a request: the client its token is of. A client cannot send it.
CLIENT_HEADER: Final = "X-Client-Id"

_INQUIRY_KEY: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# No repr: whoever logs one by mistake logs nothing of the person.
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Inquiry:
    """What a portal sends on: somebody's question. One of `email` and `phone` is needed."""

    listing_key: Annotated[str, MinLen(1), MaxLen(MAX_KEY_CHARACTERS)]
    full_name: Annotated[str, MinLen(1), MaxLen(150)]
    # RFC 5321 § 4.5.3.1.3, without the brackets.
    email: Annotated[str, MinLen(1), MaxLen(254)] | None = None
    # As people write one; it is kept as E.164 has it.
    phone: Annotated[str, MinLen(1), MaxLen(40)] | None = None
    message: Annotated[str, MinLen(1), MaxLen(4_000)]


# What RESO has no word for; documented in docs/inquiries.md.
INQUIRY_EXTENSIONS: Final[Mapping[str, str]] = {
    "phone": "Where to call: international (+81 3 …) or Japanese (03-…), without an extension.",
    "message": "What they ask, as they wrote it; lines may be broken.",
}


def client_of(header: str | None) -> str:
    """Whose token the request came with, by what `CLIENT_HEADER` says.

    Raises:
        Unauthenticated: there is no sidecar in front, or its token names nobody.
    """
    if not header:
        raise Unauthenticated(
            f"an inquiry is a client's; the sidecar names it in {CLIENT_HEADER}",
            headers={"WWW-Authenticate": 'Bearer realm="bukken"'},
        )
    return header


def is_inquiry_key(text: str) -> bool:
    """Whether this could be an `InquiryKey`, a UUID in its usual form."""
    return _INQUIRY_KEY.fullmatch(text) is not None


def seconds_since_accepted(inquiry_key: str, *, now: float) -> float:
    """How long before `now` (a Unix time) the key was made: a UUIDv7 begins with milliseconds."""
    return now - int(inquiry_key.replace("-", "")[:12], 16) / 1000
