"""Sends listings to the exchange as its producer does: at least once, until they are answered.

A line with a `SourceVersion` can be repeated as often as one likes, so every failure that may
pass is tried again, the whole batch; the exchange tells a repetition from news.
"""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

import httpx

from bukken_contract import exact_json
from bukken_contract.listing import LISTING_FIELDS, Listing, wire_name
from bukken_local.legacy.source import Message

PASSING: Final = {429, 502, 503, 504}
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 2.0  # a shorter hiccup is nobody's concern; a longer one looks like a hang
REFUSED: Final = ("conflict", "invalid")
NOT_DONE: Final = "not-done"

Members = dict[str, Any]


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
    405: "the path takes no POST: is the URL that of the exchange?",
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
        patience_seconds: how long a batch is tried after a line of it was last answered.
        say: is told, once an outage, that nobody answers, and when somebody does again.
    """

    patience_seconds: float = 120.0
    say: Callable[[str], object]
    _last_answer: float = field(default_factory=time.monotonic)
    _silence_told: bool = False

    async def send(self, messages: Sequence[Message], *, over: httpx.AsyncClient) -> list[Delivery]:
        """Send listings as one batch until each is answered, and only those left again.

        Raises:
            OutageError: nobody was answered while this batch was tried.
            MisdirectedError, NotAuthorizedError: no message can be delivered.
        """
        batch, began = _Batch(messages), time.monotonic()
        for attempt in itertools.count():
            reply = await _attempt(batch.left, over=over)
            if isinstance(reply, httpx.Response) and reply.status_code not in PASSING:
                self._answered()
                if batch.book(deliveries_of(reply, lines=len(batch.left))):
                    began = time.monotonic()
                if not batch.left:
                    return batch.deliveries()
            pause = _pause(reply, attempt=attempt)
            if time.monotonic() + pause > began + self.patience_seconds:
                batch.book([self._undelivered(reply, since=began)] * len(batch.left))
                return batch.deliveries()
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


class _Batch:
    """The messages, and what is known of each so far."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._known: dict[int, Delivery] = {}

    @property
    def left(self) -> list[Message]:
        """Those that are still to be delivered."""
        return [self._messages[at] for at in self._open()]

    def _open(self) -> list[int]:
        return [at for at in range(len(self._messages)) if at not in self._known]

    def book(self, deliveries: Sequence[Delivery | None]) -> bool:
        """Whether anything was learnt from these, one for each that is left; None: again."""
        before = len(self._known)
        booked = zip(self._open(), deliveries, strict=True)
        self._known |= {at: delivery for at, delivery in booked if delivery is not None}
        return len(self._known) > before

    def deliveries(self) -> list[Delivery]:
        """What became of each message, in its order."""
        return [self._known[at] for at in range(len(self._messages))]


async def _attempt(
    messages: Sequence[Message], *, over: httpx.AsyncClient
) -> httpx.Response | httpx.TransportError:
    body = b"\n".join(map(_line, messages))
    headers = {"Content-Type": "application/x-ndjson"}
    try:
        return await over.post("/v1/batches/listings", content=body, headers=headers)
    except httpx.TransportError as error:
        return error


def _line(message: Message) -> bytes:
    own = {"ListingKey": message.key, "SourceVersion": message.source_version}
    return exact_json.encode(own | body_of(message.listing))


def body_of(listing: Listing) -> dict[str, object]:
    """The listing as the API takes it: RESO's names, what is not known left out."""
    return exact_json.plain_members(
        (wire_name(name), getattr(listing, name)) for name in LISTING_FIELDS
    )


def deliveries_of(answer: httpx.Response, *, lines: int) -> list[Delivery | None]:
    """What a final answer means for each line that was sent; None: it is to be sent again.

    Raises:
        MisdirectedError: this answer would come to any batch.
    """
    if answer.status_code in MISDIRECTED:
        words = MISDIRECTED[answer.status_code]
        raise MisdirectedError(f"{answer.url} answered {answer.status_code}: {words}")
    if answer.is_client_error:
        return [Delivery(outcome=Outcome.REFUSED, reason=_in_words(answer))] * lines
    results = [_members(text) for text in answer.content.splitlines()] if answer.is_success else []
    # A bare 200 is not enough: some other server at this URL may say it to everything.
    if len(results) != lines or not all(map(_is_ours, results)):
        return [Delivery(outcome=Outcome.UNDELIVERED, reason=_in_words(answer))] * lines
    return [_delivery_of(result) for result in results]


def _is_ours(result: Members) -> bool:
    return result.get("Result") in {*ACCEPTED, Outcome.LATE, *REFUSED, NOT_DONE}


def _delivery_of(result: Members) -> Delivery | None:
    word = result["Result"]
    if word == NOT_DONE:
        return None
    problem = result.get("Problem") or {}
    reason = _told(str(problem.get("status", "")), problem)
    return Delivery(outcome=Outcome.REFUSED if word in REFUSED else Outcome(word), reason=reason)


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


def members_of(answer: httpx.Response) -> Members:
    """The answer's JSON object; an answer of somebody in between may have none."""
    return _members(answer.content)


def _members(text: bytes) -> Members:
    try:
        members = json.loads(text)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _in_words(reply: httpx.Response | httpx.TransportError) -> str:
    if isinstance(reply, httpx.TransportError):
        return f"{type(reply).__name__}: {reply}".rstrip(": ")
    return _told(str(reply.status_code), members_of(reply), otherwise=reply.reason_phrase)


def _told(status: str, problem: Members, *, otherwise: str = "") -> str:
    faults = "; ".join(f"{e.get('field')} {e.get('detail')}" for e in problem.get("errors", ()))
    words = (status, str(problem.get("detail") or otherwise), faults)
    return ": ".join(word for word in words if word)
