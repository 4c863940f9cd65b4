"""The relay's work: take what is due, deliver it, write down what became of it, until told to stop.

Delivered means that the back end answered 2xx and that this was written down. Between the two a
relay may be killed: then the inquiry is sent again, under the same key, and the back end answers
that it has it. That is what "once in effect" rests on.
"""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import timedelta
from typing import Final

from bukken_contract import logs
from bukken_contract.problems import DatabaseUnavailable
from command_api.relay.back_end import BackEnd, Outcome
from command_api.relay.backoff import Pace, jittered
from command_api.relay.claims import LEASE, Claims, Inquiry
from command_api.relay.listings import Listings, NoAnswer, Snapshot
from command_api.relay.settings import Settings
from command_api.relay.tokens import NoToken, Token

log = logging.getLogger(__name__)

# The pause when nothing more was due: most of what an inquiry waits for.
POLL_SECONDS: Final = 0.25
# Claimed together, so that a busy relay does not ask for each.
BATCH: Final = 8
# Between two tries of one inquiry, while others may well be taken.
FIRST_SECONDS: Final = 1.0
MOST_SECONDS: Final = 60.0
# While query-api does not answer, within its patience.
NO_ANSWER_SECONDS: Final = 2.0
RENEW_SECONDS: Final = LEASE.total_seconds() / 3
# For so long an outcome is kept for a database that is away, above what a failover takes, and tried
# so often. Whoever would send the inquiry again needs that database too.
KEPT_SECONDS: Final = 60.0
WRITE_AGAIN_SECONDS: Final = 0.5


class Courier:
    """One relay's deliveries."""

    def __init__(
        self,
        *,
        claims: Claims,
        token: Token,
        listings: Listings,
        back_end: BackEnd,
        settings: Settings,
    ) -> None:
        self._claims, self._token = claims, token
        self._listings, self._back_end = listings, back_end
        self._pace = Pace(at_once=settings.deliveries)
        self._give_up_after = timedelta(hours=settings.give_up_hours)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._held_until: dict[str, float] = {}
        self._ended = asyncio.Event()
        self._stopping = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    async def run(self) -> None:
        """Delivers until it is stopped; whatever fails, it goes on."""
        self._at_rest.clear()
        try:
            while not self._stopping.is_set():
                await self._pause(await self._step())
        finally:
            self._at_rest.set()

    async def stop(self, *, seconds: float) -> None:
        """Takes nothing more, finishes what is under way, and puts back what was not finished."""
        self._stopping.set()
        await self._at_rest.wait()  # what it is just claiming is ours to put back
        if tasks := set(self._under_way.values()):
            await asyncio.wait(tasks, timeout=seconds)
        left = dict(self._under_way)
        for task in left.values():
            task.cancel()
        await asyncio.gather(*left.values(), return_exceptions=True)
        if left:
            with suppress(DatabaseUnavailable):  # the leases end by themselves
                await self._claims.put_back(list(left))
        log.info("stopped; %d deliveries were put back", len(left))

    async def _step(self) -> float:
        """Begins what may be begun; the pause after it, seconds."""
        if (room := self._room()) < min(BATCH, self._pace.at_once):
            self._ended.clear()
            await self._until_one_ends()
            return 0.0
        try:
            await self._token.keep_good()  # without one there is no listing to send along: it waits
            until = time.monotonic() + LEASE.total_seconds()
            taken = await self._claims.take(room)
        except NoToken:
            return POLL_SECONDS
        except Exception as error:  # noqa: BLE001 — a relay that ends delivers nothing
            log.warning("nothing taken: %s\n%s", type(error).__name__, logs.stack_of(error))
            return 1.0
        for inquiry in taken:
            self._begin(inquiry, until=until)
        return self._pace.pause() or (0.0 if len(taken) == room else POLL_SECONDS)

    def _room(self) -> int:
        return self._pace.at_once - len(self._under_way)

    def _begin(self, inquiry: Inquiry, *, until: float) -> None:
        key = inquiry.inquiry_key
        self._held_until[key] = until
        # Its own, when the lease could not be renewed for a while: it is claimed anew, not begun.
        if key not in self._under_way:
            self._under_way[key] = asyncio.create_task(self._deliver(inquiry), name=key)

    async def _deliver(self, inquiry: Inquiry) -> None:
        key = inquiry.inquiry_key
        try:
            await self._try(inquiry)
        except Exception as error:  # noqa: BLE001 — its lease ends, and it is tried again
            log.warning("%s: %s\n%s", key, type(error).__name__, logs.stack_of(error))
        finally:
            del self._under_way[key], self._held_until[key]
            self._ended.set()

    async def _try(self, inquiry: Inquiry) -> None:
        key = inquiry.inquiry_key
        try:
            snapshot = await self._listings.of(inquiry.listing_key)
        except NoAnswer:
            await self._claims.put_back([key], pause=NO_ANSWER_SECONDS)
            return
        if time.monotonic() > self._held_until[key]:
            log.warning("%s: no longer ours: erased, or another relay has it", key)
            return
        outcome = await self._back_end.take(inquiry, snapshot=snapshot)
        self._learn(outcome)
        await self._write_down(inquiry, outcome=outcome, snapshot=snapshot)

    def _learn(self, outcome: Outcome) -> None:
        was_away = self._pace.away
        if outcome.kind == "failed":
            self._pace.failed()
        else:
            self._pace.answered()
        if self._pace.away and not was_away:
            log.warning("the back end is away: %s; one at a time asks for it", outcome.result)
        elif was_away and not self._pace.away:
            log.warning("the back end is back")

    async def _write_down(self, inquiry: Inquiry, *, outcome: Outcome, snapshot: Snapshot) -> None:
        until = time.monotonic() + KEPT_SECONDS
        while True:
            try:
                await self._write(inquiry, outcome=outcome, snapshot=snapshot)
            except DatabaseUnavailable:
                log.warning("%s: not written down: %s", inquiry.inquiry_key, outcome.result)
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(WRITE_AGAIN_SECONDS)
            else:
                return

    async def _write(self, inquiry: Inquiry, *, outcome: Outcome, snapshot: Snapshot) -> None:
        key, result = inquiry.inquiry_key, outcome.result
        if outcome.kind == "delivered":
            await self._claims.delivered(key, result=result, snapshot=snapshot.state)
        elif outcome.kind == "refused" or inquiry.tried_for > self._give_up_after:
            if await self._claims.parked(key, result=result):
                log.error("inquiry %s is parked: %s", key, result, extra={"parked": key})
        else:
            pause = jittered(
                inquiry.attempts + 1, first_seconds=FIRST_SECONDS, most_seconds=MOST_SECONDS
            )
            await self._claims.failed(key, result=result, pause=pause)

    async def keep(self) -> None:
        """Holds what is under way, until it is cancelled: also while `stop` waits for its end."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._renew()
            except Exception as error:  # noqa: BLE001 — the next try may succeed in time
                log.warning("leases not renewed: %s", type(error).__name__)

    async def _renew(self) -> None:
        if not self._held_until:
            return
        until = time.monotonic() + LEASE.total_seconds()
        keys = list(self._held_until)
        still_ours = await self._claims.renew(keys)
        for key in self._held_until.keys() & set(keys):  # the others are erased, or another relay's
            self._held_until[key] = until if key in still_ours else 0.0

    async def _until_one_ends(self) -> None:
        """Or a second has passed: the pace may have changed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), 1.0)

    async def _pause(self, seconds: float) -> None:
        """Cut short when it is to stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
