from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from searching import query_string
from sqlalchemy import Engine, Select, text
from sqlalchemy.dialects import postgresql

from bukken_database.connections import job_engine, reader_engine
from bukken_database.schema import listings
from bukken_database.sessions import ReadSession
from query_api import queries, search_conditions, search_queries, search_statements
from query_api.cursors import Position
from query_api.search_parameters import search_of, search_parameters

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

ROWS = 20_000

# Each value's rows lie all over the order, as after months of changes.
GENERATED = """
INSERT INTO listings (
    listing_key, version, original_entry_timestamp, modification_timestamp, ever_visible,
    standard_status, property_type, state_or_province, city, list_price, currency,
    living_area, living_area_units,
    bedrooms_total, latitude, longitude, public_remarks
)
SELECT 'k' || n, 1, now(), '2026-11-22'::timestamptz + n * interval '1 s', true,
    CASE WHEN n % 4000 = 0 THEN 'Pending' ELSE 'Active' END, 'Residential',
    CASE WHEN n <= 7000 THEN '昔' END, '市' || n % 40,
    (n * 7919) % 10007, CASE WHEN n % 3 = 0 THEN 'JPY' ELSE 'USD' END,
    (n * 7907) % 10009, 'SquareMeters', CASE WHEN n % 4000 = 0 THEN 20 ELSE n % 5 END,
    35 + (n * 7901 % 10037) / 50000.0, 139 + (n * 7883 % 10039) / 50000.0,
    '日当たり良好' || CASE WHEN n % 4000 = 0 THEN '湖畔' ELSE '' END
FROM generate_series(1, :rows) AS n
"""

Plan = Mapping[str, Any]


@pytest.fixture(scope="module")
def engine(database: "MigratedDatabase") -> Iterator[Engine]:
    """A reader's, on as many rows as make a difference, of which the statistics know."""
    database.empty()
    writer = job_engine(database.settings("bukken_writer"), application="test")
    with writer.begin() as connection:
        connection.execute(text(GENERATED).bindparams(rows=ROWS))
    writer.dispose()
    with database.connect("bukken_master") as master:
        master.autocommit = True
        master.execute("VACUUM ANALYZE bukken.listings")
    reader = reader_engine(database.settings("bukken_reader"), application="test")
    yield reader
    reader.dispose()
    database.empty()


def plans(engine: Engine, statements: Iterator[Select[Any]]) -> Iterator[Plan]:
    """How PostgreSQL answers each, and what that took."""
    with engine.connect() as connection, ReadSession(connection).together():
        ReadSession(connection).row(search_queries._MANNERS)  # noqa: SLF001 — as the search does
        for statement in statements:
            compiled = statement.compile(
                dialect=postgresql.dialect(),  # type: ignore[no-untyped-call] # SQLAlchemy has no type for it
                compile_kwargs={"literal_binds": True},
            )
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}".replace("%%", "%")
            yield connection.exec_driver_sql(explain).scalar_one()[0]["Plan"]


def statements(query: Mapping[str, str], *, after: Position | None) -> Iterator[Select[Any]]:
    """The first part of a search's order, as many rows as a page asks for."""
    search = search_of(search_parameters(query_string(**query).encode()).values)
    matching = list(search_conditions._conditions(search, crowded=False, grams=search.words))  # noqa: SLF001 — the statements are the subject
    yield next(search_statements.walk(search, matching=matching, after=after)).limit(51)


def nodes(plan: Plan) -> Iterator[Plan]:
    """The plan's nodes, itself first."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def blocks(plan: Plan) -> int:
    """Pages of the database that were looked at."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


ORDERED: dict[str, tuple[dict[str, str], str]] = {
    "newest": ({}, "listings_newest_first"),
    "city": ({"City": "市7"}, "listings_by_city"),
    "status": ({"StandardStatus": "Active"}, "listings_newest_first"),
    "rare status": ({"StandardStatus": "Pending"}, "listings_by_standard_status"),
    "frequent, and long unchanged": (
        {"StateOrProvince": "昔"},
        "listings_by_state_or_province",
    ),
    "price": ({"Currency": "JPY", "sort": "ListPrice"}, "listings_by_price"),
    "price, falling": ({"Currency": "JPY", "sort": "-ListPrice"}, "listings_by_price"),
    "area": ({"sort": "LivingArea"}, "listings_by_living_square_metres"),
    "area, falling": ({"sort": "-LivingArea"}, "listings_by_living_square_metres"),
    "price range": (
        {"Currency": "JPY", "sort": "ListPrice", "ListPrice.ge": "100", "ListPrice.le": "9000"},
        "listings_by_price",
    ),
}


@pytest.mark.parametrize("name", ORDERED)
def test_a_page_is_one_range_of_one_index_however_deep(engine: Engine, name: str) -> None:
    """No sort, no row read in vain: page 10,000 costs what page 1 does."""
    query, index = ORDERED[name]
    first, deep = (
        next(plans(engine, statements(query, after=after)))
        for after in (None, _deep(engine, query))
    )

    for plan in (first, deep):
        scans = [node for node in nodes(plan) if "Relation Name" in node or "Index Name" in node]
        assert [(s["Node Type"], s["Index Name"]) for s in scans] == [("Index Scan", index)]
        assert scans[0].get("Rows Removed by Filter", 0) <= 1
        assert plan["Actual Rows"] == scans[0]["Actual Rows"]
    assert blocks(deep) <= 1.2 * blocks(first) + 10


def _deep(engine: Engine, query: Mapping[str, str]) -> Position | None:
    """The position at the middle of the walk, or what there is."""
    search = search_of(search_parameters(query_string(**query).encode()).values)
    column = listings.c[search.sort.column]
    walk = next(statements(query, after=None)).with_only_columns(column, listings.c.listing_key)
    with engine.connect() as connection:
        rows = connection.execute(walk.limit(None)).all()
    return Position(*rows[max(0, len(rows) // 2 - 60)])


@pytest.mark.parametrize(
    ("query", "index", "most"),
    [
        ({"ListingKey": "k1,k2,k3"}, "listings_keys", 3),
        ({"q": "湖畔"}, "listings_by_text", 5),
        ({"q": "湖"}, "listings_by_text", 5),
        ({"q": "無い"}, "listings_by_text", 0),
        ({"BedroomsTotal.ge": "10"}, "listings_by_bedrooms_total", 5),
        ({"near": "35.1,139.1", "radius_km": "1"}, "listings_by_place", 400),
        ({"near": "35.1,139.1", "radius_km": "1", "sort": "distance"}, "listings_by_place", 400),
        ({"q": "湖畔", "sort": "LivingArea"}, "listings_by_text", 5),
        (
            {"Currency": "JPY", "ListPrice.ge": "500", "ListPrice.le": "505"},
            "listings_by_price",
            20,
        ),
    ],
)
def test_the_rare_is_found_by_its_index(
    engine: Engine, query: dict[str, str], index: str, most: int
) -> None:
    """Whatever the order: few are read and sorted, and not all in order until a page is full."""
    plan = next(plans(engine, statements(query, after=None)))

    scans = [node for node in nodes(plan) if "Index Name" in node]
    # By its key a listing is read that has been found.
    assert [s["Index Name"] for s in scans if s["Index Name"] != "listings_pkey"] == [index]
    assert scans[0]["Actual Rows"] <= most


def test_the_frequent_word_is_found_in_passing(engine: Engine) -> None:
    """What stands in every listing needs no index but that of the order."""
    plan = next(plans(engine, statements({"q": "日当たり"}, after=None)))

    scan = next(node for node in nodes(plan) if "Index Name" in node)
    assert (scan["Index Name"], scan["Actual Rows"]) == ("listings_newest_first", 51)


def test_keys_are_read_without_the_table(engine: Engine) -> None:
    """A million of them are an index of some megabytes."""
    page = queries._KEYS.params(after="k5", rows=1001)  # noqa: SLF001 — the statement is the subject

    plan = next(plans(engine, iter([page])))

    scan = next(node for node in nodes(plan) if "Index Name" in node)
    assert (scan["Node Type"], scan["Index Name"]) == ("Index Only Scan", "listings_keys")
    assert (plan["Actual Rows"], scan["Heap Fetches"]) == (1001, 0)


@pytest.mark.usefixtures("engine")
def test_a_crowded_place_is_not_read_whole_for_a_page(client: FlaskClient, engine: Engine) -> None:
    """Of 20,000 around, 51 are read for the newest 50."""
    asked = "/v1/listings?near=35.1,139.1&radius_km=10"
    assert client.get(asked).status_code == 200

    few, plan = narrowed(engine, {"near": "35.1,139.1", "radius_km": "10"})

    scan = next(node for node in nodes(plan) if "Index Name" in node)
    assert (few, scan["Index Name"]) == (False, "listings_newest_first")
    assert scan["Rows Removed by Filter"] < 1000


def narrowed(engine: Engine, query: Mapping[str, str]) -> tuple[bool, Plan]:
    """Whether few are found first, and how the first part of the page is read then."""
    search = search_of(search_parameters(query_string(**query).encode()).values)
    with engine.connect() as connection:
        few, matching = search_conditions.narrowed(ReadSession(connection), search)
    gathered = search_statements.gather(search, matching=matching, after=None, rows=51)
    walked = next(search_statements.walk(search, matching=matching, after=None)).limit(51)
    return few, next(plans(engine, iter([gathered if few else walked])))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"Currency": "JPY", "ListPrice.ge": "9990"}, "listings_by_price"),
        ({"City": "市7", "sort": "-LivingArea"}, "listings_by_city"),
        ({"BedroomsTotal.ge": "10", "sort": "LotSizeArea"}, "listings_by_bedrooms_total"),
    ],
)
def test_few_are_found_before_they_are_sorted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, query: dict[str, str], index: str
) -> None:
    """Along the order they might be the last of all: the planner cannot know, so it is counted."""
    monkeypatch.setattr(search_conditions, "_CROWD", 1000)

    few, plan = narrowed(engine, query)

    read = [node["Index Name"] for node in nodes(plan) if "Index Name" in node]
    assert (few, set(read) - {"listings_pkey"}) == (True, {index})


def test_a_crowd_is_walked_past_in_order(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: to find all of it first would take longer."""
    monkeypatch.setattr(search_conditions, "_CROWD", 100)

    few, plan = narrowed(engine, {"City": "市7", "sort": "-LivingArea"})

    scan = next(node for node in nodes(plan) if "Index Name" in node)
    assert (few, scan["Index Name"]) == (False, "listings_by_living_square_metres")


def test_of_few_the_nearest_are_not_walked_to(engine: Engine) -> None:
    """Along their index the planner would hope for an early end, and go past all that are near."""
    asked = {"near": "35.1,139.1", "radius_km": "10", "BedroomsTotal.ge": "10", "sort": "distance"}

    few, plan = narrowed(engine, asked)

    assert few
    assert not [node for node in nodes(plan) if "Order By" in node]


def test_of_few_what_is_shown_alone_is_read(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorted first: joined before, a million listings were read for the documents of fifty."""
    monkeypatch.setattr(search_conditions, "_CROWD", 1000)

    few, plan = narrowed(engine, {"City": "市7", "sort": "-LivingArea"})

    (documents,) = (n for n in nodes(plan) if n.get("Index Name") == "listings_pkey")
    assert (few, documents["Actual Loops"] * documents["Actual Rows"]) == (True, 51)


@pytest.mark.parametrize(("word", "asked"), [("日", 0), ("湖畔", 1)])
def test_the_grams_of_few_texts_are_not_made(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, word: str, asked: int
) -> None:
    """Of a rare word their index is asked, and of one that is everywhere nobody: 50 µs a text."""
    monkeypatch.setattr(search_conditions, "_CROWD", 1000)

    few, plan = narrowed(engine, {"City": "市7", "q": word, "sort": "-LivingArea"})

    made = [node for node in nodes(plan) if "grams" in node.get("Filter", "")]
    by_index = [node for node in nodes(plan) if "grams" in node.get("Index Cond", "")]
    assert (few, made, len(by_index)) == (True, [], asked)
