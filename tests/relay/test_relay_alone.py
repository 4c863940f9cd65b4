"""What a relay does that has all inquiries to itself: it waits, gives up, stops."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrated_database import MigratedDatabase
    from relay.conftest import Outside, RunningRelay, Table

    Start = Callable[..., RunningRelay]

SOON = 0.0003  # hours: about a second


def test_a_failure_is_tried_again_and_after_its_time_parked(
    start: Start, table: Table, outside: Outside
) -> None:
    """503 is "not now": tried more than once, and not for ever."""
    outside.answers["back-end"] = (503, b"")
    relay = start(BUKKEN_GIVE_UP_HOURS=str(SOON)).until_ready()
    key = table.accept()
    row = table.until(key, state="parked")
    relay.kill()

    assert row["last_result"] == "answered-503"
    assert row["attempts"] == len(outside.leads(key)) > 1


def test_one_that_waited_for_days_is_not_given_up_at_its_first_failure(
    start: Start, table: Table, outside: Outside
) -> None:
    """The relays were away, or had no token: its 24 hours begin when it is tried at all."""
    outside.answers["back-end"] = (503, b"")
    key = table.accept()
    table.run(
        "UPDATE bukken.inquiries SET tried_since = now() - interval '2 days' "
        "WHERE inquiry_key = %s",
        key,
    )
    relay = start().until_ready()
    wait_until(lambda: table.row(key)["attempts"] > 1, what="it is tried more than once")
    relay.kill()

    assert table.row(key)["state"] == "pending"


def test_what_was_answered_is_written_down_when_the_database_is_back(
    start: Start, table: Table, outside: Outside, own_database: MigratedDatabase
) -> None:
    """Its restart takes seconds, in which nobody else can take it: it is not sent again."""
    outside.hanging.clear()
    relay = start().until_ready()
    key = table.accept()
    wait_until(lambda: outside.leads(key), what="it is on its way")
    with own_database.shut_out():
        outside.hanging.set()
        wait_until(lambda: "not written down" in relay.log.read_text(), what="it cannot write")
    table.until(key, state="delivered")
    relay.kill()

    assert len(outside.leads(key)) == 1


def test_one_that_was_erased_on_its_way_stays_erased(
    start: Start, table: Table, outside: Outside
) -> None:
    """It may have arrived, and the record says when; the person does not come back."""
    outside.hanging.clear()
    relay = start().until_ready()
    key = table.accept()
    wait_until(lambda: outside.leads(key), what="it is on its way")
    table.erase(key)
    outside.hanging.set()
    row = table.until(key, attempts=1)
    relay.kill()

    assert (row["state"], row["delivered_at"] is not None) == ("erased", True)


def test_one_that_was_erased_before_it_left_does_not_leave(
    start: Start, table: Table, outside: Outside
) -> None:
    """While the relay waits for the listing, the next renewal tells it that the person is gone."""
    outside.who_hangs = "query-api"
    outside.hanging.clear()
    relay = start().until_ready()
    erased, other = table.accept(), table.accept()
    wait_until(lambda: len(outside.of("query-api")) == 2, what="the listings are asked for")
    table.erase(erased)
    until = table.row(other)["claimed_until"]
    wait_until(lambda: table.row(other)["claimed_until"] > until, what="the leases are renewed")
    outside.hanging.set()
    table.until(other, state="delivered")
    relay.process.send_signal(signal.SIGTERM)
    relay.process.wait(20)

    assert outside.leads(erased) == []


def test_what_it_still_holds_it_does_not_begin_again(
    start: Start, table: Table, outside: Outside
) -> None:
    """Its lease ended, as when the database was away for long: due again, but on its way."""
    outside.hanging.clear()
    relay = start().until_ready()
    key = table.accept()
    wait_until(lambda: outside.leads(key), what="it is on its way")
    table.run("UPDATE bukken.inquiries SET due_at = now() WHERE inquiry_key = %s", key)
    wait_until(lambda: not table.row(key)["is_due"], what="the relay takes it again")
    outside.hanging.set()
    table.until(key, state="delivered")
    relay.process.send_signal(signal.SIGTERM)
    relay.process.wait(20)

    assert len(outside.leads(key)) == 1
    assert "Error" not in relay.log.read_text()


def test_while_the_issuer_is_away_it_waits(start: Start, table: Table, outside: Outside) -> None:
    """It claims nothing, so that what waits is nobody's; then it goes on."""
    outside.answers["token-endpoint"] = (503, b"")
    relay = start().until_ready()
    key = table.accept()
    wait_until(lambda: len(outside.of("token-endpoint")) > 1, what="a token is asked for again")
    assert (table.row(key)["claimed_by"], outside.of("back-end")) == (None, [])

    outside.well()
    table.until(key, state="delivered")
    relay.kill()


def test_a_relay_that_stops_finishes_what_it_holds(
    start: Start, table: Table, outside: Outside
) -> None:
    """What is under way is awaited, and written down."""
    outside.hanging.clear()
    relay = start().until_ready()
    key = table.accept()
    wait_until(lambda: outside.leads(key), what="it is on its way")
    relay.process.send_signal(signal.SIGTERM)
    wait_until(lambda: relay.status_of("/healthz/live") == 0, what="it stops")
    outside.hanging.set()

    relay.process.wait(20)
    assert table.row(key)["state"] == "delivered"


def test_a_relay_that_stops_puts_back_what_it_cannot_finish(
    start: Start, table: Table, outside: Outside
) -> None:
    """Another relay need not wait for the end of the lease."""
    outside.hanging.clear()
    relay = start(BUKKEN_GRACEFUL_SECONDS="1").until_ready()
    key = table.accept()
    wait_until(lambda: outside.leads(key), what="it is on its way")
    relay.process.send_signal(signal.SIGTERM)

    relay.process.wait(20)
    row = table.row(key)
    assert (row["state"], row["claimed_by"], row["is_due"]) == ("pending", None, True)


def test_the_most_talkative_log_says_nothing_of_a_person(start: Start, table: Table) -> None:
    """Who looks for a fault turns it to debug: what the back end's headers quote is not in it."""
    relay = start(BUKKEN_LOG_LEVEL="debug").until_ready()
    table.until(table.accept(), state="delivered")
    relay.kill()

    assert "imitsu" not in relay.log.read_text()
