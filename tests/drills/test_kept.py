"""What was acknowledged must be there, once, with its event or in the back end's ledger."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from inquiring import keep
from migrated_database import MigratedDatabase

from bukken_local.legacy.ledger import Ledger
from drills import kept
from drills.answers import Answer
from drills.kept import doubled, lost, without_listing, wrong
from drills.stage import Stage


def answer(kind: str, status: str, *, receipt: str = "") -> Answer:
    """Of somebody who wrote `a`, or asked about it."""
    return Answer(due=0, took=0.1, kind=kind, patient=True, status=status, attempts=2, key="a",
                  receipt=receipt)  # fmt: skip


ACKNOWLEDGED = [answer("writes", "201")]


def stage(tmp_path: Path, *, version: int | None, events: int) -> Stage:
    """A database that holds one listing at a version, with so many events."""
    (tmp_path / "ledger").touch()

    async def sql(question: str, _: object) -> list[tuple[Any, ...]]:
        if "count(*)" in question:
            return [("a", events)] if events else []
        return [("a", version)] if version else []

    state = SimpleNamespace(ledger=tmp_path / "ledger")
    made = SimpleNamespace(sql=sql, platform=SimpleNamespace(state=state), marks={})
    return cast("Stage", made)


@pytest.mark.parametrize(
    ("version", "events", "is_lost", "is_doubled"),
    [
        (1, 1, [], []),
        (None, 0, ["a"], []),
        (1, 0, ["a"], []),
        (2, 1, [], ["a"]),
        (1, 2, [], ["a"]),
    ],
)
def test_a_write_is_there_once_with_its_event(
    version: int | None, events: int, is_lost: list[str], is_doubled: list[str], tmp_path: Path
) -> None:
    """What no partner hears of is lost; a second version or a second event is a double."""
    there = stage(tmp_path, version=version, events=events)

    assert asyncio.run(lost(ACKNOWLEDGED, stage=there)) == is_lost
    assert asyncio.run(doubled(ACKNOWLEDGED, stage=there)) == is_doubled


def test_an_inquiry_without_its_listing_is_told_of(tmp_path: Path) -> None:
    """Of this run alone, and once each; a lead that had no effect is not looked at."""
    there = stage(tmp_path, version=None, events=0)
    leads = [
        {"Lead": {"InquiryKey": "bare"}},
        {"Lead": {"InquiryKey": "whole", "Listing": {}}},
        {"Lead": {"InquiryKey": "of another run"}},
        {"Key": "bare", "Duplicate": True},
    ]
    lines = (json.dumps(lead) + "\n" for lead in leads)
    (tmp_path / "ledger").write_text("".join(lines), encoding="utf-8")

    told = [answer("inquiries", "202", receipt=key) for key in ("bare", "whole")]
    assert without_listing(told, stage=there) == ["bare"]


@dataclass(frozen=True)
class Book:
    """A real database and a back end's ledger, as the stage of a drill has them."""

    stage: Stage
    database: MigratedDatabase

    def accept(self, *, message: str) -> str:
        """Gives the key that its client is told."""
        with self.database.connect("bukken_writer") as writer:
            return keep(writer, Message=message)

    def deliver(self, key: str, *, message: str, name: str) -> None:
        """By another name each time, it has an effect each time."""
        ledger = Ledger(self.stage.platform.state.ledger)
        ledger.take(name, {"InquiryKey": key, "Message": message})


@pytest.fixture
def book(
    database: MigratedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Book]:
    """One that knows of another run's inquiry too, which was doubled."""

    async def sql(question: str, values: object) -> list[tuple[Any, ...]]:
        with database.connect(database.master) as master:
            return master.execute(question.encode(), cast("Any", values)).fetchall()

    monkeypatch.setattr(kept, "DELIVERED_SECONDS", 0.5)
    state = SimpleNamespace(ledger=tmp_path / "ledger")
    stage = SimpleNamespace(sql=sql, platform=SimpleNamespace(state=state), marks={})
    made = Book(cast("Stage", stage), database)
    for name in ("other-0", "other-1"):
        made.deliver(made.accept(message="other"), message="other", name=name)
    yield made
    with database.connect(database.master) as master:
        master.execute("TRUNCATE bukken.inquiries")


@pytest.mark.parametrize(
    ("accepted", "delivered", "status", "found"),
    [
        (1, [0], "202", []),
        (1, [], "202", [lost]),
        (2, [1], "202", [lost, doubled]),
        (1, [0], "ReadError", []),
        (1, [0, 0], "ReadError", [doubled]),
        (2, [0], "ReadError", [doubled]),
        (0, [], "422", []),
        (1, [], "422", [wrong]),
        (0, [0], "422", [wrong]),
    ],
)
def test_an_inquiry_is_followed_by_the_drills_own_key(
    book: Book, *, accepted: int, delivered: list[int], status: str, found: list[object]
) -> None:
    """Also where its answer was lost; who was told a key is answered for by a lead of that key."""
    keys = [book.accept(message="a") for _ in range(accepted)] or ["gone"]
    for number, which in enumerate(delivered):
        book.deliver(keys[which], message="a", name=f"a-{number}")
    told = [answer("inquiries", status, receipt=keys[0] if status == "202" else "")]

    every = {each: asyncio.run(each(told, stage=book.stage)) for each in (lost, doubled, wrong)}
    assert every == {each: ["a"] if each in found else [] for each in every}
