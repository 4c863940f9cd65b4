"""Clients that post inquiries and keep their own record, and the ledger they are held against."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from waiting import wait_until

from bukken_local.issuer import tokens
from bukken_local.legacy import ledger

LISTING = {"StandardStatus": "Active", "PropertyType": "Residential", "City": "渋谷区"}
LISTING_KEY = "asked-about"
CLIENTS = 16
# A client that is told "not now", or nothing, asks again under the same Idempotency-Key.
NOT_NOW = {429, 502, 503, 504}
AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Inquiries:
    """One test's inquiries, known by what they ask.

    Attributes:
        platform: the description of the platform, as it was when the test began.
        message: in each of them.
    """

    platform: Mapping[str, Any]
    message: str

    def put_listing(self) -> None:
        """What the inquiries are about."""
        url = f"{self.platform['url']}/v1/listings/{LISTING_KEY}"
        httpx.put(
            url, json=LISTING, headers=self._bearer("listings.write"), trust_env=False
        ).raise_for_status()

    def send(self, count: int) -> list[str]:
        """The keys of all 202 that the clients saw: their own record."""
        shares = [count // CLIENTS + (n < count % CLIENTS) for n in range(CLIENTS)]
        send = partial(self._send_some, headers=self._bearer("inquiries.write"))
        with ThreadPoolExecutor(CLIENTS) as pool:
            return [key for keys in pool.map(send, filter(None, shares)) for key in keys]

    @contextmanager
    def sending(self, count: int) -> Iterator[Future[list[str]]]:
        """They are sent while something happens in the block."""
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(self.send, count)

    def _send_some(self, count: int, *, headers: Mapping[str, str]) -> list[str]:
        with httpx.Client(
            base_url=self.platform["url"], headers=headers, trust_env=False, timeout=20
        ) as client:
            return [self._send_one(client) for _ in range(count)]

    def _send_one(self, client: httpx.Client) -> str:
        headers = {"Idempotency-Key": str(uuid4())}
        members = {
            "ListingKey": LISTING_KEY,
            "FullName": "山田花子",
            "Email": "hanako@example.com",
            "Message": self.message,
        }
        began = time.monotonic()
        while True:
            answer = posted(client, members, headers=headers)
            if answer is not None and answer.status_code == httpx.codes.ACCEPTED:
                key: str = answer.json()["InquiryKey"]
                return key
            assert answer is None or answer.status_code in NOT_NOW, answer.text
            assert time.monotonic() < began + PATIENCE_SECONDS, "an inquiry was not accepted"
            threading.Event().wait(AGAIN_SECONDS)

    def _bearer(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {tokens.fetch(self.platform, scopes=[scope])}"}

    def effects(self) -> list[dict[str, Any]]:
        """Those that had an effect in the back end, by its own ledger."""
        lines = ledger.read(Path(self.platform["back_end"]["ledger"]))
        leads = [line["Lead"] for line in lines if "Lead" in line]
        return [lead for lead in leads if lead["Message"] == self.message]

    def duplicates(self) -> int:
        """How often the back end was sent what it already had."""
        own = {lead["InquiryKey"] for lead in self.effects()}
        lines = ledger.read(Path(self.platform["back_end"]["ledger"]))
        return sum("Duplicate" in line and line["Key"] in own for line in lines)

    def check_once_in_effect(self, accepted: list[str], *, seconds: float) -> None:
        """Each accepted one has one effect, and nothing else has, when none waits any more."""
        wait_until(
            lambda: not self.pending(), seconds=seconds, what=lambda: f"{self.pending()} wait"
        )
        found = sorted(lead["InquiryKey"] for lead in self.effects())
        assert found == sorted(accepted)

    def pending(self) -> int:
        """How many of them wait."""
        rows = self.rows("SELECT FROM bukken.inquiries WHERE message = %s AND state = 'pending'")
        return len(rows)

    def claimed_by(self) -> str:
        """The Pod that holds one of them; empty if none does."""
        rows = self.rows(
            "SELECT claimed_by FROM bukken.inquiries "
            "WHERE message = %s AND claimed_until > clock_timestamp()"
        )
        return rows[0][0].partition("/")[0] if rows and rows[0][0] else ""

    def rows(self, query: str) -> list[Any]:
        """What the database says; the one parameter is the message."""
        with self.connect() as connection:
            return connection.execute(query, [self.message]).fetchall()

    def connect(self, role: str = "bukken_writer") -> psycopg.Connection[Any]:
        """A plain connection to the writer."""
        database = self.platform["database"]
        host, port = database["writer"]
        return psycopg.connect(
            host=host,
            port=port,
            user=role,
            password=Path(database["password_files"][role]).read_text(),
            dbname=database["name"],
            autocommit=True,
        )

    @property
    def back_end(self) -> "BackEnd":
        """Its stand-in."""
        return BackEnd(self.platform["back_end"]["control_url"])


def posted(
    client: httpx.Client, members: Mapping[str, str], *, headers: Mapping[str, str]
) -> httpx.Response | None:
    """The answer, or None where there was none."""
    try:
        return client.post("/v1/inquiries", json=members, headers=headers)
    except httpx.TransportError:
        return None


@dataclass(frozen=True)
class BackEnd:
    """The back end's stand-in, told by its control."""

    control_url: str

    def behave(self, deed: str, *, seconds: float | None = None) -> None:
        """From now on, for so long."""
        phases = [{"does": deed, "seconds": seconds}]
        httpx.put(f"{self.control_url}/behaviour", json=phases, trust_env=False).raise_for_status()

    @property
    def arrived(self) -> int:
        """How many requests came to it, whatever became of them."""
        url = f"{self.control_url}/behaviour"
        count: int = httpx.get(url, trust_env=False).json()["arrived"]
        return count


def kill(pid: int) -> None:
    """As the kernel does without memory."""
    os.kill(pid, signal.SIGKILL)
