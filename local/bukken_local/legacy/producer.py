"""Sends listings to the exchange as its producer does: at least once, until they are answered.

A PUT with a `Source-Version` can be repeated as often as one likes, so every failure that may
pass is tried again; the exchange tells a repetition from news.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

import httpx

from bukken_contract import exact_json
from bukken_contract.listing import LISTING_FIELDS, Listing, wire_name
from bukken_contract.problems import LateSourceVersion
from bukken_local.legacy.source import Message

PASSING: Final = {429, 502, 503, 504}
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 2.0  # a shorter hiccup is nobody's concern; a longer one looks like a hang
LATE: Final = f"urn:bukken:problem:{LateSourceVersion.code}"


class Outcome(StrEnum):
    """What became of a line."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    LATE = "late"
    REFUSED = "refused"
    UNDELIVERED = "undelivered"


ACCEPTED: Final = (Outcome.CREATED, Outcome.CHANGED, Outcome.UNCHANGED)
# No listing is at fault when these come back, so going on would only repeat them.
MISDIRECTED: Final = {
    401: "the token is not taken",
    403: "the client may not write listings",
    404: "there is no such path: is the URL that of the exchange?",
    405: "the path takes no PUT: is the URL that of the exchange?",
}


class OutageError(Exception):
    """Nothing was answered for as long as the producer waits; the text says what came instead."""


class MisdirectedError(Exception):
    """The exchange does not take this producer's requests at all; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """A message's fate, and the reason when it is not a good one."""

    outcome: Outcome
    reason: str = ""


@dataclass(kw_only=True)
class Producer:
    """One back end talking to the exchange, over as many connections as it likes.

    Attributes:
        patience_seconds: how long one message is tried before it counts as undelivered.
        say: is told, once an outage, that nobody answers, and when somebody does again.
    """

    patience_seconds: float = 120.0
    say: Callable[[str], object]
    _last_answer: float = field(default_factory=time.monotonic)
    _silence_told: bool = False

    async def put(self, message: Message, *, over: httpx.AsyncClient) -> Delivery:
        """Send one listing until it is answered.

        Raises:
            OutageError: nobody was answered while this message was tried.
            MisdirectedError, NotAuthorizedError: no message can be delivered.
        """
        began = time.monotonic()
        for attempt in itertools.count():
            reply = await _attempt(message, over=over)
            if isinstance(reply, httpx.Response) and reply.status_code not in PASSING:
                self._answered()
                return delivery_of(reply)
            pause = _pause(reply, attempt=attempt)
            if time.monotonic() + pause > began + self.patience_seconds:
                return self._undelivered(reply, since=began)
            self._wait_is(pause, reply=reply, until=began + self.patience_seconds)
            await asyncio.sleep(pause)
        raise AssertionError  # itertools.count never ends

    def _answered(self) -> None:
        self._last_answer = time.monotonic()
        if self._silence_told:
            self._silence_told = False
            self.say("the exchange answers again")

    def _wait_is(
        self, pause: float, *, reply: httpx.Response | httpx.TransportError, until: float
    ) -> None:
        now = time.monotonic()
        if not self._silence_told and now + pause > self._last_answer + SILENT_SECONDS:
            self._silence_told = True
            left = f"trying for {until - now:.0f} s more"
            self.say(f"the exchange takes nothing ({_in_words(reply)}); {left}")

    def _undelivered(
        self, reply: httpx.Response | httpx.TransportError, *, since: float
    ) -> Delivery:
        reason = f"not delivered within {self.patience_seconds:g} s: {_in_words(reply)}"
        if self._last_answer < since:
            raise OutageError(reason)
        return Delivery(outcome=Outcome.UNDELIVERED, reason=reason)


async def _attempt(
    message: Message, *, over: httpx.AsyncClient
) -> httpx.Response | httpx.TransportError:
    headers = {"Content-Type": "application/json", "Source-Version": str(message.source_version)}
    url = f"/v1/listings/{quote(message.key, safe='')}"
    try:
        return await over.put(
            url, content=exact_json.encode(body_of(message.listing)), headers=headers
        )
    except httpx.TransportError as error:
        return error


def body_of(listing: Listing) -> dict[str, object]:
    """The listing as the API takes it: RESO's names, what is not known left out."""
    return exact_json.plain_members(
        (wire_name(name), getattr(listing, name)) for name in LISTING_FIELDS
    )


def delivery_of(answer: httpx.Response) -> Delivery:
    """What a final answer means for the message.

    Raises:
        MisdirectedError: this answer would come to any message.
    """
    if answer.status_code in MISDIRECTED:
        words = MISDIRECTED[answer.status_code]
        raise MisdirectedError(f"{answer.url} answered {answer.status_code}: {words}")
    members = members_of(answer)
    # A bare 200 is not enough: some other server at this URL may say it to everything.
    if answer.is_success and members.get("Result") in ACCEPTED:
        return Delivery(outcome=Outcome(members["Result"]))
    if answer.is_client_error:
        late = members.get("type") == LATE
        return Delivery(outcome=Outcome.LATE if late else Outcome.REFUSED, reason=_in_words(answer))
    return Delivery(outcome=Outcome.UNDELIVERED, reason=_in_words(answer))


def _pause(reply: httpx.Response | httpx.TransportError, *, attempt: int) -> float:
    """Seconds to wait: what `Retry-After` asks, and a share of chance, doubled at each attempt.

    The chance keeps the connections from coming back all at once.
    """
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempt, 10))
    asked = reply.headers.get("retry-after", "") if isinstance(reply, httpx.Response) else ""
    return _seconds(asked) + random.uniform(0, longest)  # noqa: S311 — guards nothing


def _seconds(retry_after: str) -> float:
    """`Retry-After` is seconds or a date (RFC 9110 § 10.2.3); what is neither asks nothing."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0


def members_of(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; an answer of somebody in between may have none."""
    try:
        members = answer.json()
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _in_words(reply: httpx.Response | httpx.TransportError) -> str:
    if isinstance(reply, httpx.TransportError):
        return f"{type(reply).__name__}: {reply}".rstrip(": ")
    problem = members_of(reply)
    faults = "; ".join(f"{e.get('field')} {e.get('detail')}" for e in problem.get("errors", ()))
    words = (str(reply.status_code), str(problem.get("detail") or reply.reason_phrase), faults)
    return ": ".join(word for word in words if word)
