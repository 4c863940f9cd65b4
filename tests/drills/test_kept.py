"""What was acknowledged must be there, once, with its event."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from drills.answers import Answer
from drills.kept import doubled, lost, without_listing
from drills.stage import Stage

ACKNOWLEDGED = [
    Answer(
        due=0,
        took=0.1,
        kind="writes",
        patient=False,
        status="201",
        attempts=1,
        key="a",
        receipt="",
        late=0,
    )
]


def inquiry(receipt: str) -> Answer:
    """One that was accepted."""
    return msgspec.structs.replace(ACKNOWLEDGED[0], kind="inquiries", status="202", receipt=receipt)


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

    assert without_listing([inquiry("bare"), inquiry("whole")], stage=there) == ["bare"]
