from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from inquiring import TRACES, inquiry_row, keep

from command_api import inquiries

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

Ask = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def ask(
    feed_database: "MigratedDatabase",
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ask:
    """A function that does as an operator: the exit status and what was said."""
    for name, value in feed_database.environment("bukken_writer").items():
        monkeypatch.setenv(name, value)

    def ask(*arguments: str) -> tuple[int, list[str]]:
        status = inquiries.main(arguments)
        return status, capsys.readouterr().out.splitlines()

    return ask


def park(writer: "Connection", key: str) -> None:
    """As the relay does after a day."""
    keep(writer, key)
    writer.execute(
        "UPDATE inquiries SET state = 'parked', parked_at = '2026-11-22 09:30+00', attempts = 40, "
        "last_result = 'answered-503', tried_since = now() - interval '1 day' "
        "WHERE inquiry_key = %s",
        [key],
    )


def test_parked_ones_are_listed(ask: Ask, writer: "Connection") -> None:
    """By key, and why; no word of the person."""
    park(writer, "a")
    keep(writer, "b")
    status, said = ask("parked")

    assert (status, said) == (0, ["a 2026-11-22T09:30:00+00:00 40 answered-503"])


def test_a_parked_one_is_sent_again(
    ask: Ask, writer: "Connection", feed_database: "MigratedDatabase"
) -> None:
    """For as long as a new one would be tried; who is not parked is named."""
    park(writer, "a")
    keep(writer, "b")
    status, said = ask("resend", "a", "b")
    row = inquiry_row(feed_database, "a")

    assert (status, said) == (1, ["a done", "b is not parked"])
    assert (row["state"], row["parked_at"], row["attempts"]) == ("pending", None, 40)
    assert (row["due_at"] - row["tried_since"]).total_seconds() < 1


def test_all_parked_ones_are_sent_again(
    ask: Ask, writer: "Connection", feed_database: "MigratedDatabase"
) -> None:
    """After an outage of more than a day."""
    park(writer, "a")
    park(writer, "b")

    assert ask("resend", "all") == (0, ["a done", "b done"])
    assert {inquiry_row(feed_database, key)["state"] for key in "ab"} == {"pending"}


def test_an_operator_erases_a_parked_one(
    ask: Ask, writer: "Connection", feed_database: "MigratedDatabase"
) -> None:
    """It is not delivered then; asked twice, it says so."""
    park(writer, "a")

    assert ask("erase", "a") == (0, ["a done"])
    assert ask("erase", "a") == (1, ["a is unknown, or erased already"])
    row = inquiry_row(feed_database, "a")
    assert (row["state"], row["last_result"]) == ("erased", "answered-503")
    assert [trace for trace in TRACES if trace in repr(row)] == []


@pytest.mark.parametrize("arguments", [[], ["resend"], ["erase"], ["parked", "a"], ["forget", "a"]])
def test_what_is_not_understood_is_explained(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is done, and the usage is shown."""
    assert inquiries.main(arguments) == 2
    assert "resend KEY" in capsys.readouterr().err


def test_without_a_database_it_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no trace of calls."""
    monkeypatch.setenv("BUKKEN_DATABASE_PORT", "9")

    assert inquiries.main(["parked"]) == 1
    assert capsys.readouterr().err == "the database did not do it: OperationalError\n"
