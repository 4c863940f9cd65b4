"""The listing as the public sees it, asked of query-api for each inquiry."""

import logging
import time
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

import httpx

from command_api.relay.tokens import Token

log = logging.getLogger(__name__)

# So long query-api may be silent before inquiries go without the listing: a person waits for an
# answer, and the back end knows its own listing. A release or a failover is over sooner.
PATIENCE_SECONDS: Final = 60.0
# Above what Envoy takes (5 s): its answer says more than a time-out of ours.
ANSWER_SECONDS: Final = 6.0


class Snapshot(NamedTuple):
    """What is sent along: the listing's JSON as query-api wrote it, or why there is none."""

    state: Literal["attached", "unavailable", "gone"]
    listing: bytes | None = None


GONE: Final = Snapshot("gone")
UNAVAILABLE: Final = Snapshot("unavailable")


class NoAnswer(Exception):
    """query-api does not answer, and has not for less than the patience there is."""


class Listings:
    """query-api, through the sidecar."""

    def __init__(self, client: httpx.AsyncClient, *, token: Token) -> None:
        self._client = client
        self._token = token
        self._silent_since: float | None = None
        self._unanswered: dict[str, float] = {}
        self._asking = False

    async def of(self, listing_key: str) -> Snapshot:
        """The listing, or why it is not sent along.

        While query-api is silent for longer than the patience one at a time asks whether it is
        back; the others go without, or each would wait for its time-out first. The same patience is
        had with a single listing for which alone there is no answer: nobody else would end it.

        Raises:
            NoAnswer: try again soon.
        """
        if self._waited_enough() and self._asking:
            return UNAVAILABLE
        self._asking = True
        try:
            answer = await self._ask(listing_key)
        finally:
            self._asking = False
        if answer is not None:
            self._silent_since = None
            self._unanswered.pop(listing_key, None)
            return answer
        self._silent_since = self._silent_since or time.monotonic()
        if self._waited_enough() or self._waited_enough_for(listing_key):
            return UNAVAILABLE
        raise NoAnswer

    def _waited_enough_for(self, listing_key: str) -> bool:
        """Forgets after a while what another relay delivered, or it would be old news one day."""
        now = time.monotonic()
        young = {k: t for k, t in self._unanswered.items() if now - t < 2 * PATIENCE_SECONDS}
        self._unanswered = young
        return now - young.setdefault(listing_key, now) >= PATIENCE_SECONDS

    def _waited_enough(self) -> bool:
        since = self._silent_since
        return since is not None and time.monotonic() - since >= PATIENCE_SECONDS

    async def _ask(self, listing_key: str) -> Snapshot | None:
        """Its answer; None for what is none: a time-out, a 5xx, a token that was not taken."""
        try:
            answer = await self._client.get(
                f"/v1/listings/{quote(listing_key, safe='')}",
                headers={"Host": "query-api", "Authorization": f"Bearer {self._token.value}"},
                timeout=ANSWER_SECONDS,
            )
        except (httpx.HTTPError, OSError) as error:
            log.warning("no listing: %s", type(error).__name__)
            return None
        if answer.status_code == httpx.codes.OK:
            return Snapshot("attached", answer.content)
        if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            return GONE
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token.refused()
        log.warning("no listing: query-api answered %d", answer.status_code)
        return None
