from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from searching import found, pages

from bukken_contract.listing import wire_name
from query_api.search import SORTS
from query_api.search_parameters import (
    SQUARE_METRES_OF_A_SQUARE_FOOT,
    search_of,
    search_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., None]

START = datetime(2026, 11, 22, tzinfo=UTC)
YEN = {"currency": "JPY"}


@pytest.mark.parametrize(
    ("column", "value", "other"),
    [
        ("standard_status", "Pending", "Active"),
        ("property_type", "Land", "Residential"),
        ("property_sub_type", "Condominium", "Townhouse"),
        ("state_or_province", "東京都", "大阪府"),
        ("city", "新宿区", "新宿"),
        ("municipality_code", "13104", "13105"),
        ("postal_code", "98101", "98102"),
        ("nearest_station", "半蔵門", None),
        ("currency", "JPY", "USD"),
    ],
)
def test_an_equality_finds_what_has_exactly_that_value(
    put: "Put", client: FlaskClient, column: str, value: str, other: str | None
) -> None:
    """Not what begins with it, nor what has none."""
    put("it", **{column: value})
    put("another", **{column: other})

    assert found(client, **{wire_name(column): value}) == ["it"]


def test_several_values_mean_any_of_them(put: "Put", client: FlaskClient) -> None:
    """People look for a home in two wards at once."""
    for number, city in enumerate(("新宿区", "渋谷区", "港区")):
        put(city, city=city, modification_timestamp=START + timedelta(seconds=number))

    assert found(client, City="港区,新宿区") == ["港区", "新宿区"]


def test_a_comma_within_a_value_has_a_backslash_before_it(put: "Put", client: FlaskClient) -> None:
    """A key may hold a comma, and never a backslash."""
    put("a,b")
    put("a")

    assert found(client, ListingKey=r"a\,b") == ["a,b"]
    assert found(client, ListingKey="a,b") == ["a"]


def test_listings_are_found_by_their_keys(put: "Put", client: FlaskClient) -> None:
    """Up to 200 at once; those that are not there, or not to be seen, are left out."""
    for number in range(3):
        put(f"k{number}", modification_timestamp=START + timedelta(seconds=number))
    put("hidden", internet_entire_listing_display_yn=False)
    asked = ["k0", "k2", "hidden", *(f"never-{number}" for number in range(197))]

    assert found(client, ListingKey=",".join(asked)) == ["k2", "k0"]


@pytest.mark.parametrize(
    ("name", "column", "beside"),
    [
        ("ListPrice", "list_price", YEN),
        ("BedroomsTotal", "bedrooms_total", {}),
        ("YearBuilt", "year_built", {}),
        ("WalkingMinutes", "walking_minutes", {}),
        ("LivingArea", "living_area", {"living_area_units": "SquareMeters"}),
        ("LotSizeArea", "lot_size_area", {"lot_size_units": "SquareMeters"}),
        ("BuildingAreaTotal", "building_area_total", {"building_area_units": "SquareMeters"}),
    ],
)
def test_a_range_includes_its_ends_and_nothing_unknown(
    put: "Put", client: FlaskClient, name: str, column: str, beside: dict[str, Any]
) -> None:
    """`.ge` is from, `.le` is up to; what is not known is in no range."""
    for value in (1, 2, 3, 4):
        put(str(value), **{column: value}, **beside)
    put("unknown", **beside)
    needed = {"Currency": "JPY"} if name == "ListPrice" else {}

    assert sorted(found(client, **{f"{name}.ge": "2", f"{name}.le": "3"}, **needed)) == ["2", "3"]
    assert sorted(found(client, **{f"{name}.ge": "3"}, **needed)) == ["3", "4"]
    assert sorted(found(client, **{f"{name}.le": "0"}, **needed)) == []


def test_prices_are_compared_exactly_and_within_one_currency(
    put: "Put", client: FlaskClient
) -> None:
    """A dollar is no yen, and the last cent counts."""
    put("below", list_price=Decimal("999999999999.98"), **YEN)
    put("at", list_price=Decimal("999999999999.99"), **YEN)
    put("dollars", list_price=Decimal("999999999999.99"), currency="USD")

    assert found(client, Currency="JPY", ListPrice__ge="999999999999.99") == ["at"]


@pytest.mark.parametrize(
    ("units", "least", "most"),
    [("SquareMeters", "139.35", "139.36"), ("SquareFeet", "1500", "1500")],
)
def test_areas_are_compared_in_one_unit_whatever_they_are_written_in(
    put: "Put", client: FlaskClient, units: str, least: str, most: str
) -> None:
    """1500 square feet are 139.35456 square metres, exactly: an end in feet includes them."""
    put("feet", living_area=1500, living_area_units="SquareFeet")
    put("metres", living_area=Decimal("139.35"), living_area_units="SquareMeters")
    put("more", living_area=1500, living_area_units="SquareMeters")
    area = {"LivingArea.ge": least, "LivingArea.le": most, "AreaUnits": units}

    keys = found(client, **area)

    assert "feet" in keys
    assert ("metres" in keys) is (units == "SquareMeters")
    assert "more" not in keys


def test_without_a_unit_areas_are_in_square_metres(put: "Put", client: FlaskClient) -> None:
    """As the answer's own units may differ from row to row, one had to be chosen."""
    put("small", living_area=100, living_area_units="SquareFeet")
    put("large", living_area=100, living_area_units="SquareMeters")

    assert found(client, LivingArea__ge="100") == ["large"]


def test_all_conditions_hold_at_once(put: "Put", client: FlaskClient) -> None:
    """A search narrows with each parameter."""
    put("it", city="新宿区", bedrooms_total=3, property_type="Residential")
    put("elsewhere", city="港区", bedrooms_total=3, property_type="Residential")
    put("smaller", city="新宿区", bedrooms_total=2, property_type="Residential")
    put("land", city="新宿区", bedrooms_total=3, property_type="Land")

    keys = found(client, City="新宿区", BedroomsTotal__ge="3", PropertyType="Residential")

    assert keys == ["it"]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"City": "新宿区"},
        {"q": "新宿"},
        {"Currency": "JPY", "sort": "ListPrice"},
        {"Currency": "JPY", "ListPrice.ge": "1"},
        {"sort": "LivingArea"},
        {"near": "35.69,139.70", "radius_km": "1"},
        {"near": "35.69,139.70", "radius_km": "1", "sort": "distance"},
        {"ListingKey": "visible,incomplete,hidden,removed"},
    ],
)
def test_whatever_is_asked_only_the_visible_is_found(
    put: "Put", client: FlaskClient, query: dict[str, str]
) -> None:
    """Each kind of search has a statement of its own, and each knows what may be seen."""
    columns = {"city": "新宿区", "latitude": "35.69", "longitude": "139.70", "list_price": 5, **YEN}
    put("visible", **columns)
    put("incomplete", standard_status="Incomplete", **columns)
    put("hidden", internet_entire_listing_display_yn=False, **columns)
    put("removed", removed_at=START, **columns)

    assert found(client, **query) == ["visible"]


@pytest.mark.parametrize("limit", ["1", "2", "3", "5", "50"])
@pytest.mark.parametrize(
    ("sort", "keys"),
    [
        ("ListPrice", ["low", "mid-a", "mid-b", "high", "unknown-a", "unknown-b"]),
        ("-ListPrice", ["high", "mid-b", "mid-a", "low", "unknown-b", "unknown-a"]),
        ("LivingArea", ["low", "mid-a", "mid-b", "high", "unknown-a", "unknown-b"]),
        ("-LivingArea", ["high", "mid-b", "mid-a", "low", "unknown-b", "unknown-a"]),
    ],
)
def test_equals_follow_their_keys_and_the_unknown_come_last(
    put: "Put", client: FlaskClient, sort: str, keys: list[str], limit: str
) -> None:
    """In both directions, wherever a page ends: the order is total."""
    for key, value in {"high": 9, "mid-b": 5, "low": 1, "mid-a": 5}.items():
        put(key, list_price=value, living_area=value, living_area_units="SquareMeters", **YEN)
    put("unknown-b", **YEN)
    put("unknown-a", **YEN)

    assert found(client, sort=sort, Currency="JPY", limit=limit) == keys


@pytest.mark.parametrize("sort", [name for name in SORTS if name != "distance"])
def test_every_sort_walks_over_all_there_is(put: "Put", client: FlaskClient, sort: str) -> None:
    """None of them drops a row."""
    for number in range(5):
        put(
            f"k{number}",
            list_price=number,
            lot_size_area=number,
            lot_size_units="SquareFeet",
            **YEN,
        )

    assert len(set(found(client, sort=sort, Currency="JPY", limit="2"))) == 5


def test_the_next_link_asks_the_same_again(put: "Put", client: FlaskClient) -> None:
    """Filter, sort and limit are in it, as they were given: following it is all there is to do."""
    for number in range(5):
        put(f"k{number}", city="新宿区, 西", list_price=number, **YEN)
    link = "/v1/listings?City=新宿区%5C%2C+西&Currency=JPY&sort=ListPrice&limit=2"

    walked = [[row["ListingKey"] for row in page] for page in pages(client, link)]

    assert walked == [["k0", "k1"], ["k2", "k3"], ["k4"]]


def test_the_unit_of_areas_is_of_areas_alone() -> None:
    """A price or a number of rooms beside an area in square feet stays what it is."""
    given = search_parameters(b"LivingArea.le=1&AreaUnits=SquareFeet&BedroomsTotal.le=3")

    ranges = search_of(given.values).ranges

    assert (ranges["bedrooms_total"].most, ranges["living_square_metres"].most) == (
        3,
        SQUARE_METRES_OF_A_SQUARE_FOOT,
    )
