from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from searching import found

from query_api import search_conditions, search_statements

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., None]

TOKYO = "35.681236,139.767125"
# A degree of latitude is 111,194.9 m on a sphere of the earth's mean radius (6,371,000 m), and
# earthdistance takes 6,378,168 m: 111,320 m.
METRES_OF_A_DEGREE = Decimal(111320)


def north(metres: int, *, latitude: str = "35.681236") -> Decimal:
    """The latitude so far north of it."""
    return Decimal(latitude) + (metres / METRES_OF_A_DEGREE).quantize(Decimal("0.00000001"))


def test_a_circle_finds_what_lies_within(put: "Put", client: FlaskClient) -> None:
    """To a metre, and not the corners of a square."""
    east = Decimal("139.767125")
    put("inside", latitude=north(1999), longitude=east)
    put("outside", latitude=north(2002), longitude=east)
    put("corner", latitude=north(1900), longitude=east + Decimal("0.021"))
    put("nowhere")

    assert found(client, near=TOKYO, radius_km="2") == ["inside"]


@pytest.mark.parametrize(
    ("near", "latitude", "longitude"),
    [
        ("-17.8,179.999", "-17.8", "-179.999"),  # across the date line
        ("89.99,0", "89.99", "180"),  # across the pole
        ("-33.86,151.2", "-33.87", "151.21"),
        ("0,0", "0", "0"),
    ],
)
def test_the_earth_has_no_edge(
    put: "Put", client: FlaskClient, near: str, latitude: str, longitude: str
) -> None:
    """Where the numbers of a map jump, the distance does not."""
    put("it", latitude=Decimal(latitude), longitude=Decimal(longitude))

    assert found(client, near=near, radius_km="3") == ["it"]


@pytest.mark.parametrize("limit", ["1", "2", "50"])
def test_the_nearest_come_first_and_equals_by_key(
    put: "Put", client: FlaskClient, limit: str
) -> None:
    """By distance, in pages as any other order."""
    for key, metres in {"far": 900, "b": 500, "a": 500, "near": 100, "beyond": 1100}.items():
        put(key, latitude=north(metres), longitude=Decimal("139.767125"))

    keys = found(client, near=TOKYO, radius_km="1", sort="distance", limit=limit)

    assert keys == ["near", "a", "b", "far"]


def test_a_walk_by_distance_ends_after_the_nearest_thousand(
    put: "Put", client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are found anew for each page; who needs more narrows the circle or sorts otherwise."""
    assert search_statements.NEAREST == 1000
    monkeypatch.setattr(search_statements, "NEAREST", 5)
    for number in range(7):
        put(f"k{number}", latitude=north(number * 10), longitude=Decimal("139.767125"))

    keys = found(client, near=TOKYO, radius_km="1", sort="distance", limit="2")

    assert keys == ["k0", "k1", "k2", "k3", "k4"]


@pytest.mark.parametrize("sort", ["distance", "-ModificationTimestamp", "LivingArea"])
def test_a_place_that_is_not_displayed_is_in_no_circle(
    put: "Put", client: FlaskClient, sort: str
) -> None:
    """Three circles would tell the house whose address is not to be told."""
    place = {"latitude": north(0), "longitude": Decimal("139.767125")}
    put("hidden", internet_address_display_yn=False, **place)
    put("shown", internet_address_display_yn=True, **place)

    assert found(client, near=TOKYO, radius_km="1", sort=sort) == ["shown"]


@pytest.mark.parametrize("sort", ["distance", "-ModificationTimestamp", "LivingArea"])
def test_a_crowd_is_searched_otherwise_and_found_the_same(
    put: "Put", client: FlaskClient, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    """Which index is taken must not show."""
    for number in range(12):
        put(f"k{number:02}", latitude=north(number * 100), longitude=Decimal("139.767125"))
    asked = {"near": TOKYO, "radius_km": "0.75", "sort": sort, "limit": "3"}
    few = found(client, **asked)
    monkeypatch.setattr(search_conditions, "_CROWD", 5)

    assert len(few) == 8
    assert found(client, **asked) == few
