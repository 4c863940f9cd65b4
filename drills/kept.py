"""What became of the writes and inquiries, held against the clients' own record.

An inquiry is found by the drill's own key, which is its message (`drills.load`): the key that its
client was told is nobody's where the answer was lost.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from bukken_local.legacy import ledger
from bukken_local.processes.waiting import until
from drills.answers import Answer, of_kinds
from drills.stage import Stage

DELIVERED_SECONDS: Final = 60.0
NUMBERED_SECONDS: Final = 20.0


async def lost(answers: Sequence[Answer], *, stage: Stage) -> list[str]:
    """Keys that were acknowledged, and are not there; inquiries that were not delivered."""
    acknowledged = {answer.key for answer in of_kinds(answers, "writes") if answer.good}
    keys = sorted(acknowledged)
    # With its event: what no partner ever hears of is as lost as what is not stored.
    there = set(await _versions(keys, stage=stage)) & set(await _events(keys, stage=stage))
    return sorted(acknowledged - there) + await _undelivered(answers, stage=stage)


async def doubled(answers: Sequence[Answer], *, stage: Stage) -> list[str]:
    """Keys that have more than one version or event; inquiries accepted or delivered twice."""
    writes = [answer.key for answer in of_kinds(answers, "writes")]
    # Of this run alone: what a run before has doubled stays in the back end's book.
    inquiries = [answer.key for answer in of_kinds(answers, "inquiries")]
    every = (
        await _versions(writes, stage=stage),
        await _events(writes, stage=stage),
        await _accepted(inquiries, stage=stage),
        _had_effect(inquiries, stage=stage),
    )
    return sorted({key for found in every for key, times in found.items() if times > 1})


def without_listing(answers: Sequence[Answer], *, stage: Stage) -> list[str]:
    """Inquiries that the back end got without the listing that they are about."""
    receipts = {answer.receipt for answer in of_kinds(answers, "inquiries")}
    leads = [lead for lead in _leads(stage) if lead["InquiryKey"] in receipts]
    return sorted(lead["InquiryKey"] for lead in leads if "Listing" not in lead)


async def wrong(answers: Sequence[Answer], *, stage: Stage) -> list[str]:
    """Keys that were refused for good, and are there all the same."""
    writes, inquiries = (
        [answer.key for answer in of_kinds(answers, kind) if answer.refused]
        for kind in ("writes", "inquiries")
    )
    accepted = await _accepted(inquiries, stage=stage)
    delivered = _had_effect(inquiries, stage=stage)
    return sorted({*await _versions(writes, stage=stage), *accepted, *delivered})


async def numbered(*, stage: Stage) -> bool:
    """Whether all events get their number, so that partners hear of them."""

    async def all_are() -> bool:
        return not await stage.sql("SELECT true FROM bukken.unnumbered_events LIMIT 1")

    try:
        await until(all_are, seconds=NUMBERED_SECONDS, what="all events have a number")
    except TimeoutError:
        return False
    return True


async def _versions(keys: Sequence[str], *, stage: Stage) -> dict[str, int]:
    question = "SELECT listing_key, version FROM bukken.listings WHERE listing_key = ANY(%s)"
    found = await stage.sql(question, [list(keys)])
    return {str(key): int(version) for key, version in found}


async def _events(keys: Sequence[str], *, stage: Stage) -> dict[str, int]:
    question = (
        "SELECT listing_key, count(*) FROM (SELECT listing_key FROM bukken.events"
        " UNION ALL SELECT listing_key FROM bukken.unnumbered_events) AS of_all"
        " WHERE listing_key = ANY(%s) GROUP BY listing_key"
    )
    found = await stage.sql(question, [list(keys)])
    return {str(key): int(times) for key, times in found}


async def _accepted(keys: Sequence[str], *, stage: Stage) -> dict[str, int]:
    question = (
        "SELECT message, count(*) FROM bukken.inquiries WHERE message = ANY(%s) GROUP BY message"
    )
    found = await stage.sql(question, [list(keys)])
    return {str(key): int(times) for key, times in found}


async def _undelivered(answers: Sequence[Answer], *, stage: Stage) -> list[str]:
    """Those whose client was told a key under which the back end has none."""
    asked = of_kinds(answers, "inquiries")
    accepted = {(answer.key, answer.receipt) for answer in asked if answer.good}
    deadline = time.monotonic() + DELIVERED_SECONDS
    while accepted and time.monotonic() < deadline:
        accepted -= set(_delivered(stage))
        await asyncio.sleep(0.2)
    if not accepted:
        stage.marks["delivered"] = time.monotonic()
    return sorted(key for key, _ in accepted)


def _had_effect(keys: Sequence[str], *, stage: Stage) -> Counter[str]:
    ours = set(keys)
    return Counter(key for key, _ in _delivered(stage) if key in ours)


def _delivered(stage: Stage) -> list[tuple[str, str]]:
    """Of each lead that had an effect: the drill's key, and that under which it was accepted."""
    return [(lead["Message"], lead["InquiryKey"]) for lead in _leads(stage)]


def _leads(stage: Stage) -> list[dict[str, Any]]:
    """Those that had an effect, as the back end got them."""
    lines = ledger.read(stage.platform.state.ledger)
    return [line["Lead"] for line in lines if "Lead" in line]
