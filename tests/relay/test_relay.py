"""What a relay does with one inquiry, whatever becomes of those whom it calls."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrated_database import MigratedDatabase
    from relay.conftest import Outside, RunningRelay, Table

    Start = Callable[..., RunningRelay]


@pytest.fixture(scope="module")
def relay(start: Start) -> RunningRelay:
    """A ready relay for the tests that stop none."""
    return start().until_ready()


def test_it_is_delivered_with_the_listing_as_the_public_sees_it(
    relay: RunningRelay, table: Table, outside: Outside
) -> None:
    """Under its own key, the listing byte for byte, with a token that was had as a client."""
    key = table.accept("k/1 部屋")
    row = table.until(key, state="delivered")

    (lead,) = outside.of("back-end")
    (asked,) = outside.of("query-api")
    assert (row["snapshot"], row["attempts"], row["last_result"]) == ("attached", 1, "answered-201")
    assert row["claimed_by"] is None
    assert b'"Listing":{"ListingKey": "k", "ListPrice": 48000000.10' in lead[3]
    assert (lead[1], lead[2]["Idempotency-Key"]) == ("/leads", key)
    assert asked[1] == "/v1/listings/k%2F1%20%E9%83%A8%E5%B1%8B"
    assert asked[2]["Authorization"] == "Bearer a-token"
    assert relay.process.poll() is None


@pytest.mark.usefixtures("relay")
@pytest.mark.parametrize("status", [404, 410])
def test_a_listing_that_is_gone_is_said_to_be(status: int, table: Table, outside: Outside) -> None:
    """The person asked all the same: it is delivered without the listing, marked so."""
    outside.answers["query-api"] = (status, b"{}")
    key = table.accept()

    assert table.until(key, state="delivered")["snapshot"] == "gone"
    assert [("Listing" in lead, lead["Snapshot"]) for lead in outside.leads(key)] == [
        (False, "gone")
    ]


def test_a_refusal_is_parked_alarmed_and_sent_again_by_a_command(
    relay: RunningRelay, table: Table, outside: Outside, own_database: MigratedDatabase
) -> None:
    """What no retry mends is tried once, and once more when somebody says so."""
    outside.answers["back-end"] = (422, b"himitsu@example.com is no address")
    key = table.accept()
    row = table.until(key, state="parked")
    alarms = [line for line in relay.logged() if line["level"] == "ERROR"]
    assert (row["last_result"], row["attempts"]) == ("refused-422", 1)
    assert [line["parked"] for line in alarms] == [key]

    outside.well()
    done = told("resend", key, database=own_database)

    assert (done.returncode, done.stdout) == (0, f"{key} done\n")
    assert table.until(key, state="delivered")["attempts"] == 2


def told(*arguments: str, database: MigratedDatabase) -> subprocess.CompletedProcess[str]:
    """The command, as an operator gives it."""
    return subprocess.run(
        [sys.executable, "-m", "command_api.inquiries", *arguments],
        env={"PATH": os.environ["PATH"]} | database.environment("bukken_writer"),
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_a_person_wrote_is_in_no_log(
    relay: RunningRelay, table: Table, outside: Outside
) -> None:
    """Not when it goes well, not when the back end repeats it in an error, not when it is lost."""
    for answer in ((500, b"himitsu@example.com"), (422, b"Himitsu Taro"), (201, b"ohimitsu")):
        outside.answers["back-end"] = answer
        table.until(table.accept(), attempts=1)

    assert "imitsu" not in relay.log.read_text()


def test_attempts_are_counted_by_result(relay: RunningRelay, table: Table) -> None:
    """Prometheus is told how each ended."""
    table.until(table.accept(), state="delivered")

    text = relay.send("GET", "/metrics").text
    assert 'bukken_inquiries_attempts_total{result="answered-201"}' in text


@pytest.mark.usefixtures("relay")
def test_nobody_is_sent_what_another_one_set(table: Table, outside: Outside) -> None:
    """The back end's cookie is not query-api's, nor its own: each inquiry comes without a past."""
    for _ in range(2):
        table.until(table.accept(), state="delivered")

    assert [headers for _, _, headers, _ in outside.asked if "Cookie" in headers] == []
