import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient
from running_query_api import held

from query_api.cursors import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrated_database import MigratedDatabase

    Put = Callable[..., None]


@pytest.fixture
def asked(app_without_database: Flask) -> FlaskClient:
    """A client of an app without a database: a refusal costs the reader nothing."""
    return app_without_database.test_client()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        # unknown, repeated
        ("Bedrooms=3", ["Bedrooms"]),
        ("listprice.ge=3", ["listprice.ge"]),
        ("ListPrice=3", ["ListPrice"]),
        ("ListPrice.gt=3", ["ListPrice.gt"]),
        ("PublicRemarks=a", ["PublicRemarks"]),
        ("UnparsedAddress=a", ["UnparsedAddress"]),
        ("City=a&City=b", ["City"]),
        ("q=a&q=a", ["q"]),
        # malformed
        ("City=", ["City"]),
        ("City=a,,b", ["City"]),
        ("City=%00", ["City"]),
        ("City=%FF", ["City"]),
        (f"City={'a' * 51}", ["City"]),
        (f"City={','.join('a' * 21)}", ["City"]),
        (f"ListingKey={','.join('a' * 201)}", ["ListingKey"]),
        ("StandardStatus=Sold", ["StandardStatus"]),
        ("StandardStatus=Active,active", ["StandardStatus"]),
        ("PropertyType=House", ["PropertyType"]),
        ("BedroomsTotal.ge=2.5", ["BedroomsTotal.ge"]),
        ("BedroomsTotal.ge=-1", ["BedroomsTotal.ge"]),
        ("YearBuilt.le=%EF%BC%92", ["YearBuilt.le"]),
        ("LivingArea.ge=1e3", ["LivingArea.ge"]),
        ("LivingArea.ge=NaN", ["LivingArea.ge"]),
        ("LivingArea.ge=1.234", ["LivingArea.ge"]),
        ("LivingArea.ge=1&AreaUnits=Tsubo", ["AreaUnits"]),
        ("near=35&radius_km=1", ["near"]),
        ("near=91,0&radius_km=1", ["near"]),
        ("near=0,181&radius_km=1", ["near"]),
        ("near=35.6,139.7,1&radius_km=1", ["near"]),
        ("near=035.6,139.7&radius_km=1", ["near"]),
        ("near=35.6,139.7&radius_km=0", ["radius_km"]),
        ("near=35.6,139.7&radius_km=10.001", ["radius_km"]),
        ("near=35.6,139.7&radius_km=-1", ["radius_km"]),
        ("q=", ["q"]),
        ("q=%E3%80%80", ["q"]),
        ("q=a%00b", ["q"]),
        (f"q={'a' * 101}", ["q"]),
        (f"q={'+'.join('abcdefghijk')}", ["q"]),
        ("sort=price", ["sort"]),
        ("sort=ModificationTimestamp", ["sort"]),
        ("sort=-distance", ["sort"]),
        # conflicting
        ("ListPrice.ge=3", ["Currency"]),
        ("ListPrice.le=3", ["Currency"]),
        ("sort=ListPrice", ["Currency"]),
        ("sort=-ListPrice&Currency=JPY,USD", ["Currency"]),
        ("ListPrice.ge=4&ListPrice.le=3&Currency=JPY", ["ListPrice.ge"]),
        ("YearBuilt.ge=2001&YearBuilt.le=2000", ["YearBuilt.ge"]),
        ("AreaUnits=SquareFeet", ["AreaUnits"]),
        ("near=35.6,139.7", ["radius_km"]),
        ("radius_km=1", ["near"]),
        ("sort=distance", ["near"]),
        ("ListPrice.ge=4&sort=distance", ["Currency", "near"]),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    asked: FlaskClient, query: str, named: list[str]
) -> None:
    """A parameter that was ignored would look like one that matched everything."""
    answer = asked.get(f"/v1/listings?{query}")

    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert [fault["field"] for fault in answer.get_json()["errors"]] == named


@pytest.mark.usefixtures("put")
@pytest.mark.parametrize(
    "query",
    [
        "q=%25",
        "q=%27%3B--",
        "q=%E3%82%99",
        "q=%F0%A0%AE%B7",
        "City=%5C",
        "City=%25_",
        "near=90,180&radius_km=10",
        "near=-90,-180&radius_km=0.001&sort=distance",
        "LivingArea.le=999999999999.99&AreaUnits=SquareFeet",
        "ListPrice.ge=0&ListPrice.le=999999999999.99&Currency=x",
        "BedroomsTotal.le=9999",
    ],
)
def test_what_is_odd_and_allowed_is_answered(client: FlaskClient, query: str) -> None:
    """Nothing in a value reaches SQL as anything but a value."""
    answer = client.get(f"/v1/listings?{query}")

    assert (answer.status_code, answer.get_json()) == (200, {"value": []})


@pytest.fixture
def cursor(put: "Put", client: FlaskClient) -> str:
    """The cursor of the second page of the homes in 新宿区."""
    for number in range(3):
        put(f"k{number}", city="新宿区")
    link: str = client.get("/v1/listings?City=新宿区&limit=1").get_json()["nextLink"]
    return link.partition("cursor=")[2]


@pytest.mark.parametrize(
    "call",
    [
        "/v1/listings?",
        "/v1/listings?City=渋谷区&",
        "/v1/listings?City=新宿区&PropertyType=Residential&",
        "/v1/listings?City=新宿区&sort=LivingArea&",
        "/v1/listing-keys?",
    ],
)
def test_a_cursor_of_another_search_is_refused(client: FlaskClient, cursor: str, call: str) -> None:
    """Followed, it would begin somewhere in the middle, and nobody would notice."""
    answer = client.get(f"{call}cursor={cursor}")

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == ["cursor"]


def test_a_cursor_of_yesterday_is_refused(
    client: FlaskClient, cursor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, and not as a fault of ours."""
    later = time.time() + SECONDS + 2
    monkeypatch.setattr(time, "time", lambda: later)

    answer = client.get(f"/v1/listings?City=新宿区&cursor={cursor}")

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["detail"].startswith("was given more than a day ago")


def test_a_page_may_be_of_another_size(client: FlaskClient, cursor: str) -> None:
    """The limit is no part of the search."""
    page = client.get(f"/v1/listings?City=新宿区&limit=7&cursor={cursor}").get_json()

    assert [row["ListingKey"] for row in page["value"]] == ["k1", "k0"]


@pytest.fixture
def new_key(database: "MigratedDatabase", cursor: str) -> Iterator[None]:
    """A second key, made when a Pod that gave a cursor has long read the first; for the test."""
    assert cursor
    with database.connect("bukken_master") as master:
        master.execute("INSERT INTO bukken.cursor_keys VALUES (2, sha256('new'))")
        master.commit()
        yield
        master.execute("DELETE FROM bukken.cursor_keys WHERE number = 2")


@pytest.mark.usefixtures("new_key")
def test_another_pod_follows_the_cursor_and_knows_a_newer_key(
    client: FlaskClient, cursor: str, another_app: Flask
) -> None:
    """Keys are the database's: no Pod has to be told of a new one, and the old is good still."""
    other = another_app.test_client()
    new = other.get("/v1/listings?City=新宿区&limit=1").get_json()["nextLink"]

    assert other.get(f"/v1/listings?City=新宿区&cursor={cursor}").status_code == 200
    assert client.get(new).status_code == 200


@pytest.mark.usefixtures("put")
@pytest.mark.parametrize("query", ["", "q=a", "near=35.6,139.7&radius_km=1"])
def test_a_search_that_waits_for_a_lock_is_told_to_come_again(
    database: "MigratedDatabase", client: FlaskClient, query: str
) -> None:
    """A migration holds the table for a moment: no other search would fare better."""
    with held(database, requests=1):
        answer = client.get(f"/v1/listings?{query}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
