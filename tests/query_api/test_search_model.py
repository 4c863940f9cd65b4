"""The search against a model of it in plain Python, and walks beside writers."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from search_model import NEAR, ROWS, START, Row, matches, ordered
from searching import found, pages, query_string, slowly
from sqlalchemy import Engine, Select, delete, insert, update

from bukken_database.connections import job_engine
from bukken_database.schema import listings
from query_api import search_conditions, search_queries
from query_api.search_queries import Limits
from query_api.search_statements import walk

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase


@pytest.fixture(scope="module")
def writer(database: "MigratedDatabase") -> Iterator[Engine]:
    """Writes as the command side would."""
    database.empty()
    engine = job_engine(database.settings("bukken_writer"), application="test")
    yield engine
    engine.dispose()
    database.empty()


# How many are a crowd, and whether of each two walks one does not end in time.
WAYS = {"all are few": (25_000, False), "walks end": (0, False), "every other walk": (0, True)}


@pytest.fixture(autouse=True, params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way of finding gives the same: along the order, or all that fit and then sorted.

    Also where the next page is found in another way than the one before.
    """
    crowd, some_end = request.param
    ends = cycle([True, not some_end])

    def walked(*given: Any, **named: Any) -> Iterator[Select[Any]]:  # noqa: ANN401 — as it is called
        wait = 0 if next(ends) else 0.05
        return (slowly(part, seconds=wait) for part in walk(*given, **named))

    limits = Limits(0.02 if some_end else 20, 20)
    monkeypatch.setattr(search_conditions, "_CROWD", crowd)
    monkeypatch.setattr(search_conditions, "_CROWD_AROUND", crowd)
    monkeypatch.setattr(search_queries, "_FIRST", limits)
    monkeypatch.setattr(search_queries, "_LATER", limits)
    monkeypatch.setattr(search_queries, "walk", walked)


@pytest.fixture
def filled(writer: Engine) -> Iterator[None]:
    """The rows of the model are there."""
    with writer.begin() as connection:
        connection.execute(insert(listings), ROWS)
    yield
    with writer.begin() as connection:
        connection.execute(delete(listings))


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
