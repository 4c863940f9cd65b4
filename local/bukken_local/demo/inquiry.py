"""The last act of the demo: somebody asks about a house while the back end is in maintenance."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx

from bukken_local.demo.story import HOUSE
from bukken_local.legacy.ledger import read

MAINTENANCE_SECONDS: Final = 2.0
# The relay looks for the end of a maintenance every few seconds, ten at most.
DELIVERY_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.1
Say = Callable[[str], None]


async def tell(
    *,
    back_end: httpx.AsyncClient,
    portal: httpx.AsyncClient,
    control_url: str,
    ledger: Path,
    say: Say,
) -> bool:
    """Whether the inquiry was accepted at once, and delivered once when the back end was back."""
    key = f"demo-asked-{time.time_ns():x}"
    headers = {"Source-Version": "10"}
    (await back_end.put(f"/v1/listings/{key}", json=HOUSE, headers=headers)).raise_for_status()
    async with httpx.AsyncClient(trust_env=False) as control:
        phases = [{"does": "maintain", "seconds": MAINTENANCE_SECONDS}]
        (await control.put(f"{control_url}/behaviour", json=phases)).raise_for_status()
    say(f"\n  the back end is in maintenance, for {MAINTENANCE_SECONDS:g} s")
    accepted = await _ask(portal, listing_key=key, say=say)
    return accepted is not None and await _delivered(accepted, ledger=ledger, say=say)


async def _ask(portal: httpx.AsyncClient, *, listing_key: str, say: Say) -> str | None:
    began = time.monotonic()
    answer = await portal.post(
        "/v1/inquiries",
        headers={"Idempotency-Key": str(uuid4())},
        json={
            "ListingKey": listing_key,
            "FullName": "山田花子",
            "Email": "hanako@example.com",
            "Message": "内見したいです。",
        },
    )
    took = 1000 * (time.monotonic() - began)
    right = answer.status_code == httpx.codes.ACCEPTED
    say(f"\n{'✓' if right else '✗'} the portal's inquiry is accepted all the same")
    say(f"    > POST /v1/inquiries\n    < {answer.status_code} {answer.text}\n    {took:.0f} ms")
    return str(answer.json()["InquiryKey"]) if right else None


async def _delivered(key: str, *, ledger: Path, say: Say) -> bool:
    began = time.monotonic()
    deadline = began + DELIVERY_SECONDS
    while not _of(key, ledger=ledger) and time.monotonic() < deadline:  # noqa: ASYNC110 — a file tells nobody
        await asyncio.sleep(LOOK_SECONDS)
    leads = _of(key, ledger=ledger)
    right = [lead["Snapshot"] for lead in leads] == ["attached"]
    say(f"\n{'✓' if right else '✗'} the relay delivers it when the back end is back, once")
    for lead in leads:
        told = {name: lead[name] for name in ("InquiryKey", "Message", "Snapshot")}
        say(f"    in the back end's ledger: {told}")
    say(f"    {time.monotonic() - began:.1f} s after it was accepted")
    return right


def _of(key: str, *, ledger: Path) -> list[dict[str, object]]:
    return [line["Lead"] for line in read(ledger) if "Lead" in line and line["Key"] == key]
