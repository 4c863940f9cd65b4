from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from searching import pages

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., None]


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_keys_and_versions_of_all_that_is_visible(
    put: "Put", client: FlaskClient, limit: int
) -> None:
    """In the order of the keys' code points, and nothing else of them."""
    put("b", version=7)
    put("a", version=1)
    put("物件", version=3)
    put("incomplete", standard_status="Incomplete")
    put("hidden", internet_entire_listing_display_yn=False)
    put("removed", removed_at=datetime(2026, 11, 22, tzinfo=UTC))

    rows = [row for page in pages(client, f"/v1/listing-keys?limit={limit}") for row in page]

    assert rows == [
        {"ListingKey": "a", "Version": 1},
        {"ListingKey": "b", "Version": 7},
        {"ListingKey": "物件", "Version": 3},
    ]


def test_what_comes_during_the_walk_moves_nothing(put: "Put", client: FlaskClient) -> None:
    """A key never changes: who is there all the time is seen once."""
    for key in "bdf":
        put(key)
    walk = pages(client, "/v1/listing-keys?limit=1")
    seen = [row["ListingKey"] for row in next(walk)]
    put("a")
    put("e")

    seen += [row["ListingKey"] for page in walk for row in page]

    assert seen == ["b", "d", "e", "f"]


def test_a_thousand_keys_a_page_unless_told_otherwise(put: "Put", client: FlaskClient) -> None:
    """And 10,000 at most."""
    for number in range(1001):
        put(f"{number:04}")

    assert len(client.get("/v1/listing-keys").get_json()["value"]) == 1000
    assert len(client.get("/v1/listing-keys?limit=10000").get_json()["value"]) == 1001


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", ["limit"]),
        ("limit=10001", ["limit"]),
        ("cursor=abc", ["cursor"]),
        ("City=a", ["City"]),
        ("limit=1&limit=1", ["limit"]),
    ],
)
def test_what_is_not_understood_is_refused_by_name(
    client: FlaskClient, query: str, named: list[str]
) -> None:
    """There is nothing to filter by: what is to be reconciled is everything."""
    answer = client.get(f"/v1/listing-keys?{query}")

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == named
