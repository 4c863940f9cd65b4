"""How a batch is cut into lines and chunks."""

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bukken_contract.problems import BodyTooLarge, Invalid
from bukken_database.connections import job_engine
from command_api.batch_lines import CHUNK_BYTES, CHUNK_LINES, MOST_LINES, check_count, chunks_of
from command_api.batch_statements import INSERT_ROWS, LOCKED_ROWS

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase


def numbers(*lines: object) -> list[list[int]]:
    """The lines of each chunk, by their numbers."""
    body = bytearray("\n".join(map(json.dumps, lines)).encode())
    return [[line.number for line in chunk] for chunk in chunks_of(body)]


def test_the_last_line_s_end_begins_no_further_one() -> None:
    """A batch of as many lines as there may be is taken, however the last one ends."""
    check_count(bytearray(b"{}\n" * MOST_LINES))
    with pytest.raises(BodyTooLarge):
        check_count(bytearray(b"{}\n" * MOST_LINES + b"{}"))


def test_a_key_that_comes_again_begins_a_chunk_and_not_each_after_it() -> None:
    """What stood in the chunk before is no reason to end this one."""
    a, b = {"ListingKey": "a"}, {"ListingKey": "b"}

    assert numbers(a, b, a, b) == [[1, 2], [3, 4]]


def test_a_chunk_is_of_so_many_lines() -> None:
    """Lines without a key are none that could come again."""
    assert [len(chunk) for chunk in numbers(*[{}] * (CHUNK_LINES + 1))] == [CHUNK_LINES, 1]


def test_a_chunk_is_no_larger_than_is_checked_at_a_stretch() -> None:
    """Long lines make short chunks: nobody else is served meanwhile."""
    long = {"x": "x" * (CHUNK_BYTES // 3)}

    assert numbers(long, long, long, long) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("version", ["7", True, 7.0, -1, 2**63])
def test_a_source_version_is_a_whole_number(version: object) -> None:
    """In a line that is sound but for it, it is what is named; true is no number in JSON."""
    line = {"ListingKey": "a", "StandardStatus": "Active", "PropertyType": "Land"}
    body = bytearray(json.dumps(line | {"SourceVersion": version}).encode())

    ((one,),) = chunks_of(body)

    assert isinstance(one.asked, Invalid)
    assert [fault.field for fault in one.asked.faults] == ["SourceVersion"]


def test_rows_are_locked_in_the_order_of_their_keys_however_they_are_found(
    database: "MigratedDatabase",
) -> None:
    """Two chunks that met the other way round would wait for each other."""
    keys = [f"locked-{number}" for number in (3, 1, 2)]
    listing = {"standard_status": "Active", "property_type": "Land"}
    rows = json.dumps([listing | {"listing_key": key} for key in keys])
    engine = job_engine(database.settings("bukken_writer"), application="test")
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL search_path = bukken"))
        connection.execute(text("SET LOCAL enable_indexscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        inserted = connection.execute(INSERT_ROWS, {"rows": rows}).scalars().all()
        there = text("UPDATE listings SET source_version = 1 WHERE listing_key = 'locked-1'")
        connection.execute(there)  # its newest row now lies behind the others
        locked = connection.execute(LOCKED_ROWS, {"keys": keys}).mappings().all()
        connection.rollback()
    engine.dispose()

    assert inserted == sorted(keys)
    assert [row["listing_key"] for row in locked] == sorted(keys)
