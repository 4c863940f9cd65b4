"""The search against a model of it in plain Python, and walks beside writers."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from searching import found, pages, query_string
from sqlalchemy import Engine, delete, insert, update

from bukken_contract.listing import wire_name
from bukken_database.connections import job_engine
from bukken_database.schema import listings
from query_api import search_queries

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

Row = dict[str, Any]

START = datetime(2026, 11, 22, tzinfo=UTC)
EARTH_METRES = 6378168  # earthdistance's
FOOT = Decimal("0.09290304")
TEXTS = ("霞ヶ関の駅前", "霞ケ関", "ｵｰﾄﾛｯｸ", "オートロック ２ＬＤＫ", "2ldk 駅前", None)
EQUALITIES = ("city", "standard_status", "property_type", "currency")


def _rows() -> list[Row]:
    """Every value beside every other, many ties and gaps; numbers without a common factor."""
    return [
        {
            "listing_key": f"k{n:02}" if n % 5 else f"物件,{n}",
            "version": 1,
            "original_entry_timestamp": START,
            "modification_timestamp": START - timedelta(microseconds=n % 17),
            "ever_visible": True,
            "standard_status": ("Active", "Pending", "Incomplete")[n % 3],
            "property_type": ("Residential", "Land")[n % 2],
            "city": ("新宿区", "渋谷区", "霞ヶ関", None)[n % 4],
            "currency": ("JPY", "USD", None)[n % 3 - 1],
            "list_price": (None, 100, 200, Decimal("200.01"))[n % 4] if n % 3 != 0 else None,
            "living_area": (None, 50, 100, 1000)[n // 2 % 4],
            "living_area_units": ("SquareMeters", "SquareFeet")[n % 2],
            "bedrooms_total": (None, 0, 1, 2, 3)[n % 5],
            "latitude": Decimal("35.6") + Decimal(n % 7) / 100 if n % 6 else None,
            "longitude": Decimal("139.7") if n % 6 else None,
            "public_remarks": TEXTS[n % 6],
            "internet_entire_listing_display_yn": (None, True, True, False)[n % 11 % 4],
            "internet_address_display_yn": (None, True, False)[n // 3 % 3],
            "removed_at": START if n % 13 == 0 else None,
        }
        for n in range(1, 97)
    ]


ROWS = _rows()


@pytest.fixture(scope="module")
def writer(database: "MigratedDatabase") -> Iterator[Engine]:
    """Writes as the command side would."""
    database.empty()
    engine = job_engine(database.settings("bukken_writer"), application="test")
    yield engine
    engine.dispose()
    database.empty()


@pytest.fixture(autouse=True, params=[0, 25_000], ids=["all are crowds", "all are few"])
def crowd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either way of finding gives the same: along the order, or all that fit and then sorted."""
    monkeypatch.setattr(search_queries, "_CROWD", request.param)
    monkeypatch.setattr(search_queries, "_CROWD_AROUND", request.param)


@pytest.fixture
def filled(writer: Engine) -> Iterator[None]:
    """The rows of the model are there."""
    with writer.begin() as connection:
        connection.execute(insert(listings), ROWS)
    yield
    with writer.begin() as connection:
        connection.execute(delete(listings))


def visible(row: Row) -> bool:
    """As architecture § 3 has it."""
    shown = row["internet_entire_listing_display_yn"] is not False
    return shown and row["removed_at"] is None and row["standard_status"] != "Incomplete"


def form(words: str) -> str:
    """What of a text matters to a search."""
    return unicodedata.normalize("NFKC", words).lower().replace("ヶ", "ケ")


def square_metres(row: Row) -> Decimal | None:
    """The living area, whatever it is written in."""
    area: Decimal | None = row["living_area"]
    return area * FOOT if area is not None and row["living_area_units"] == "SquareFeet" else area


def metres_from(near: tuple[Decimal, Decimal], row: Row) -> float | None:
    """The great circle's length (haversine); None where there is no place, or it is not shown."""
    if row["latitude"] is None or row["internet_address_display_yn"] is False:
        return None
    a, b, c, d = (math.radians(v) for v in (*near, row["latitude"], row["longitude"]))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * EARTH_METRES * math.asin(math.sqrt(half))


NEAR = (Decimal("35.63"), Decimal("139.71"))


def matches(row: Row, query: Mapping[str, str]) -> bool:
    """Whether the model's search finds the row."""
    area, price, distance = square_metres(row), row["list_price"], metres_from(NEAR, row)
    conditions = [visible(row)]
    conditions += [
        row[c] in query[wire_name(c)].split(",") for c in EQUALITIES if wire_name(c) in query
    ]
    if (keys := query.get("ListingKey")) is not None:
        conditions.append(row["listing_key"].replace(",", "\\,") in re.split(r"(?<!\\),", keys))
    for name, value in (("ListPrice", price), ("BedroomsTotal", row["bedrooms_total"])):
        conditions += _ends(name, value=value, query=query)
    unit = FOOT if query.get("AreaUnits") == "SquareFeet" else Decimal(1)
    conditions += _ends("LivingArea", value=area, query=query, unit=unit)
    if (words := query.get("q")) is not None:
        text = form("\n".join([row["city"] or "", row["public_remarks"] or ""]))
        conditions += [form(word) in text for word in words.split()]
    if (radius := query.get("radius_km")) is not None:
        conditions.append(distance is not None and distance <= float(radius) * 1000)
    return all(conditions)


def _ends(
    name: str, *, value: Decimal | None, query: Mapping[str, str], unit: Decimal = Decimal(1)
) -> Iterator[bool]:
    if (least := query.get(f"{name}.ge")) is not None:
        yield value is not None and value >= Decimal(least) * unit
    if (most := query.get(f"{name}.le")) is not None:
        yield value is not None and value <= Decimal(most) * unit


def ordered(rows: list[Row], sort: str) -> list[str]:
    """The keys in the model's order: the unknown last, equals by key in the same direction."""
    values: dict[str, Callable[[Row], Any]] = {
        "ListPrice": lambda row: row["list_price"],
        "LivingArea": square_metres,
        "ModificationTimestamp": lambda row: row["modification_timestamp"],
        "distance": lambda row: round(metres_from(NEAR, row) or 0, 3),
    }
    value = values[sort.removeprefix("-")]
    known = [row for row in rows if value(row) is not None]
    unknown = [row for row in rows if value(row) is None]
    falling = sort.startswith("-")
    known.sort(key=lambda row: (value(row), row["listing_key"]), reverse=falling)
    unknown.sort(key=lambda row: row["listing_key"], reverse=falling)
    return [row["listing_key"] for row in known + unknown]


def some_of(*values: str) -> st.SearchStrategy[str]:
    """One or several of them, with commas between."""
    return st.lists(st.sampled_from(values), min_size=1, unique=True).map(",".join)


KEYS = [row["listing_key"].replace(",", "\\,") for row in ROWS]


@st.composite
def queries(draw: st.DrawFn) -> dict[str, str]:
    """Any search that is allowed, with any of its parameters."""
    query = draw(
        st.fixed_dictionaries(
            {"sort": st.sampled_from(["ListPrice", "LivingArea", "ModificationTimestamp"])},
            optional={
                "City": some_of("新宿区", "渋谷区", "霞ヶ関", "無い"),
                "StandardStatus": some_of("Active", "Pending", "Incomplete"),
                "PropertyType": some_of("Residential", "Land"),
                "ListingKey": some_of(*KEYS, "never"),
                "BedroomsTotal.ge": st.sampled_from("0123"),
                "LivingArea.ge": st.sampled_from(["0", "50", "92.9", "100", "538.19", "1000"]),
                "q": st.sampled_from(["駅前", "霞ケ関", "霞", "ロック", "2LDK 駅", "k", "ヶ関"]),
            },
        )
    )
    if query["sort"] != "ModificationTimestamp" and draw(st.booleans()):
        query["sort"] = f"-{query['sort']}"
    query["sort"] = query["sort"].replace("ModificationTimestamp", "-ModificationTimestamp")
    if draw(st.booleans()):
        query |= {"near": "35.63,139.71", "radius_km": draw(st.sampled_from(["0.9", "3.5", "10"]))}
        query["sort"] = draw(st.sampled_from([query["sort"], "distance"]))
    if "LivingArea.ge" in query and draw(st.booleans()):
        query["AreaUnits"] = "SquareFeet"
    if "ListPrice" in query["sort"] or draw(st.booleans()):
        query["Currency"] = draw(st.sampled_from(["JPY", "USD", "EUR"]))
        query |= draw(st.fixed_dictionaries({}, optional={"ListPrice.le": st.just("200")}))
    return query


@pytest.mark.usefixtures("filled")
def test_the_search_finds_what_the_model_finds_in_its_order(client: FlaskClient) -> None:
    """Any search, in pages of any size."""

    @examples(150)
    @given(query=queries(), limit=st.sampled_from(["1", "3", "7", "200"]))
    def agree(query: dict[str, str], limit: str) -> None:
        expected = ordered([row for row in ROWS if matches(row, query)], query["sort"])

        assert found(client, **query, limit=limit) == expected

    agree()


CHANGES = st.lists(
    st.tuples(st.sampled_from(["move", "add", "remove", "hide"]), st.integers(0, 40)), max_size=4
)


@pytest.mark.parametrize(
    "sort",
    ["-ModificationTimestamp", "ListPrice", "-ListPrice", "LivingArea", "-LivingArea", "distance"],
)
def test_beside_writers_what_stays_as_it_is_is_seen_once_and_in_order(
    client: FlaskClient, writer: Engine, sort: str
) -> None:
    """No duplicate and no gap among rows whose place in the order did not change (§ 3)."""
    circle = {"near": "35.63,139.71", "radius_km": "10"} if sort == "distance" else {}

    @examples(40)
    @given(
        values=st.lists(st.sampled_from([None, 1, 2, 3]), min_size=1, max_size=20),
        changes=st.lists(CHANGES, min_size=1, max_size=8),
        limit=st.integers(1, 5),
    )
    def stay(values: list[int | None], changes: list[list[tuple[str, int]]], limit: int) -> None:
        rows = [_row_of(n, value=value) for n, value in enumerate(values)]
        with writer.begin() as connection:
            connection.execute(delete(listings))
            connection.execute(insert(listings), rows)
        changed: set[str] = set()
        seen: list[str] = []
        query = {"Currency": "JPY", "sort": sort, "limit": str(limit), **circle}

        for number, page in enumerate(pages(client, f"/v1/listings?{query_string(**query)}")):
            seen += [listing["ListingKey"] for listing in page]
            for kind, at in changes[number] if number < len(changes) else []:
                changed.add(_changed(writer, kind=kind, at=at))

        same = [row for row in rows if row["listing_key"] not in changed and matches(row, query)]
        kept = {row["listing_key"] for row in same}
        assert [key for key in seen if key in kept] == ordered(same, sort)

    stay()


def _row_of(number: int, *, value: int | None) -> Row:
    """A value is a price, an area and a place in one: whatever is sorted by is tied or unknown."""
    moment = START + timedelta(microseconds=number % 4)
    return dict.fromkeys(ROWS[0]) | {
        "listing_key": f"k{number:02}",
        "version": 1,
        "original_entry_timestamp": moment,
        "modification_timestamp": moment,
        "ever_visible": True,
        "standard_status": "Active",
        "property_type": "Land",
        "list_price": value,
        "currency": "JPY",
        "living_area": value,
        "living_area_units": ("SquareMeters", "SquareFeet")[number % 2],
        "latitude": None if value is None else NEAR[0] + Decimal(value) / 100,
        "longitude": None if value is None else NEAR[1],
    }


def _changed(writer: Engine, *, kind: str, at: int) -> str:
    """Does to a row what its kind says, and says to which."""
    key = f"k{at % 20:02}"
    one = listings.c.listing_key == key
    with writer.begin() as connection:
        if kind == "add":
            key = f"new-{at:02}"
            connection.execute(delete(listings).where(listings.c.listing_key == key))
            connection.execute(insert(listings), _row_of(at, value=at % 4) | {"listing_key": key})
        elif kind == "remove":
            connection.execute(delete(listings).where(one))
        elif kind == "hide":
            connection.execute(update(listings).where(one), {"standard_status": "Incomplete"})
        else:
            moment = START + timedelta(seconds=at)
            moved = _row_of(at, value=at % 5) | {
                "listing_key": key,
                "modification_timestamp": moment,
            }
            connection.execute(update(listings).where(one), moved)
    return key
