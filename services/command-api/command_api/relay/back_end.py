"""The back end: an inquiry is posted to it, and its answer is one of three."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import httpx
import msgspec
from prometheus_client import CollectorRegistry, Counter

from command_api.relay.claims import Inquiry
from command_api.relay.listings import Snapshot

# Above what Envoy takes (8 s): its answer says more than a time-out of ours.
ANSWER_SECONDS: Final = 9.0

# The inquiry itself is not taken: sent again as it is it would not be taken either. Not 401, 403,
# 404 or 405: those say that address or rights are wrong, and are mended without the inquiry; not
# 408, 409, 425 and 429, which say "not now".
REFUSALS: Final = frozenset({400, 406, 410, 411, 413, 414, 415, 422, 431})


class Outcome(NamedTuple):
    """What became of a delivery; the result is a short code, never words of the back end's."""

    kind: Literal["delivered", "refused", "failed"]
    result: str


class BackEnd:
    """The legacy back end, through the sidecar."""

    def __init__(self, client: httpx.AsyncClient, *, registry: CollectorRegistry) -> None:
        self._client = client
        self._attempts = Counter(
            "attempts",
            "Deliveries tried by this Pod.",
            ["result"],
            namespace="bukken_inquiries",
            registry=registry,
        )

    async def take(self, inquiry: Inquiry, *, snapshot: Snapshot) -> Outcome:
        """Posts the inquiry under its own key: the back end knows by it what it already has."""
        outcome = await self._take(inquiry, snapshot=snapshot)
        self._attempts.labels(outcome.result).inc()
        return outcome

    async def _take(self, inquiry: Inquiry, *, snapshot: Snapshot) -> Outcome:
        try:
            answer = await self._client.post(
                "/leads",
                headers={
                    "Host": "back-end",
                    "Content-Type": "application/json",
                    "Idempotency-Key": inquiry.inquiry_key,
                },
                content=msgspec.json.encode(lead(inquiry, snapshot=snapshot)),
                timeout=ANSWER_SECONDS,
            )
        except httpx.TimeoutException:
            return Outcome("failed", "timed-out")
        except (httpx.HTTPError, OSError):
            return Outcome("failed", "not-reached")
        return outcome_of(answer.status_code, media_type=answer.headers.get("Content-Type", ""))


def outcome_of(status: int, *, media_type: str = "") -> Outcome:
    """What an answer of this status means.

    A page for people is no answer of the lead's door: old systems say 200 with the page that tells
    of their maintenance. Believed, every inquiry of that night would be lost.
    """
    if httpx.codes.is_success(status) and media_type.lower().startswith("text/html"):
        return Outcome("failed", "answered-with-a-page")
    if httpx.codes.is_success(status):
        return Outcome("delivered", f"answered-{status}")
    if status in REFUSALS:
        return Outcome("refused", f"refused-{status}")
    return Outcome("failed", f"answered-{status}")


def lead(inquiry: Inquiry, *, snapshot: Snapshot) -> Mapping[str, Any]:
    """What the back end gets; the listing's JSON goes in as it came, not a digit changed."""
    members = {
        "InquiryKey": inquiry.inquiry_key,
        "ListingKey": inquiry.listing_key,
        "ReceivedTimestamp": inquiry.received_at.isoformat(),
        "FullName": inquiry.name,
        "Email": inquiry.email,
        "Phone": inquiry.phone,
        "Message": inquiry.message,
        "Snapshot": snapshot.state,
    }
    listing = {"Listing": msgspec.Raw(snapshot.listing)} if snapshot.listing else {}
    return {name: value for name, value in members.items() if value is not None} | listing
