from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import Engine

from bukken_database import migrations
from bukken_database.connections import job_engine

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

# What the release before wrote: it knows no column of the search.
WRITTEN_BEFORE = """
INSERT INTO bukken.listings (
    listing_key, version, original_entry_timestamp, modification_timestamp, ever_visible,
    standard_status, property_type, city, living_area, living_area_units, latitude, longitude
) VALUES (%s, 1, now(), now(), true, 'Active', 'Land', '霞ヶ関', 100, 'SquareFeet', 35.5, 139.5)
"""
FOUND = """
SELECT listing_key FROM bukken.listings
WHERE bukken.grams(search_text) @> bukken.grams_of_word('ケ関') AND search_text = '霞ケ関'
    AND living_square_metres = 9.290304 AND place IS NOT NULL
ORDER BY listing_key
"""


@pytest.fixture
def migrator(empty_database: "MigratedDatabase") -> Iterator[Engine]:
    """The migrator's engine, on a database without migrations."""
    engine = job_engine(empty_database.settings("bukken_migrator"), application="test")
    yield engine
    engine.dispose()


def upgrade(engine: Engine, *, revision: str) -> None:
    """Migrates so far and no farther."""
    config = migrations._config()  # noqa: SLF001 — what `migrate` works with
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_what_the_release_before_writes_is_found_before_and_after(
    empty_database: "MigratedDatabase", migrator: Engine
) -> None:
    """Its code runs while the columns come, and goes on: they are generated."""
    upgrade(migrator, revision="20261122_writer")
    with empty_database.connect("bukken_writer") as writer:
        writer.execute(WRITTEN_BEFORE, ["before"])
    upgrade(migrator, revision="head")
    with empty_database.connect("bukken_writer") as writer:
        writer.execute(WRITTEN_BEFORE, ["beside"])

    with empty_database.connect("bukken_reader") as reader:
        assert reader.execute(FOUND).fetchall() == [("before",), ("beside",)]


def test_an_index_that_failed_half_way_is_made_anew(
    empty_database: "MigratedDatabase", migrator: Engine
) -> None:
    """CREATE INDEX CONCURRENTLY leaves an invalid one of its name, in the way of the next try."""
    upgrade(migrator, revision="20261122_searched_by")
    with empty_database.connect("bukken_migrator") as owner:
        owner.execute("CREATE INDEX listings_keys ON bukken.listings (version)")
    upgrade(migrator, revision="head")

    with empty_database.connect("bukken_reader") as reader:
        made = reader.execute("SELECT pg_get_indexdef('bukken.listings_keys'::regclass)").fetchone()
        invalid = reader.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid").fetchone()
    assert made is not None
    assert "(listing_key) INCLUDE (version) WHERE visible" in made[0]
    assert invalid == (0,)


@pytest.mark.parametrize(
    ("form", "grams"),
    [
        ("", []),
        ("あ", ["あ"]),
        ("駅前", ["駅", "前", "駅前"]),
        ("駅前だ", ["駅", "前", "だ", "駅前", "前だ"]),
        ("𠮷\n", ["𠮷", "\n", "𠮷\n"]),
    ],
)
def test_grams_are_every_character_and_every_two(
    database: "MigratedDatabase", form: str, grams: list[str]
) -> None:
    """As numbers, in which no two grams are one."""
    with database.connect("bukken_reader") as reader:
        made = reader.execute("SELECT bukken.grams(%s)", [form]).fetchone()

    assert made is not None
    assert sorted(made[0]) == sorted(map(_number, grams))


@pytest.mark.parametrize(
    ("form", "grams"),
    [
        ("あ", ["あ"]),
        ("駅前", ["駅前"]),
        ("駅前だ", ["駅前", "前だ"]),
        ("千代田区", ["千代", "田区"]),
        ("東京都庁前", ["東京", "都庁", "庁前"]),
    ],
)
def test_the_grams_of_a_word_cover_it(
    database: "MigratedDatabase", form: str, grams: list[str]
) -> None:
    """With no more than are needed: each is a list to be read."""
    with database.connect("bukken_reader") as reader:
        made = reader.execute("SELECT bukken.grams_of_word(%s)", [form]).fetchone()

    assert made is not None
    assert sorted(made[0]) == sorted(map(_number, grams))


def _number(gram: str) -> int:
    number = 0
    for character in gram:
        number = number << 21 | ord(character)
    return number


@pytest.mark.parametrize("role", ["bukken_reader", "bukken_writer"])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO bukken.cursor_keys VALUES (9, sha256('mine'))",
        "UPDATE bukken.cursor_keys SET secret = sha256('mine')",
        "DELETE FROM bukken.cursor_keys",
    ],
)
def test_nobody_who_serves_can_change_what_cursors_are_sealed_with(
    database: "MigratedDatabase",
    role: str,
    statement: Any,  # noqa: ANN401 — psycopg wants a literal
) -> None:
    """Or whoever has one's password could break every walk."""
    with database.connect(role) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
