from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., None]

START = datetime(2026, 11, 22, tzinfo=UTC)
PAGES = 4000


def walked(client: FlaskClient, *, limit: int) -> list[list[str]]:
    """The keys of each page, following nextLink to the end."""
    pages: list[list[str]] = []
    link = f"/v1/listings?limit={limit}"
    while link and len(pages) < PAGES:  # a walk that turned back would never end
        page = client.get(link).get_json()
        pages.append([listing["ListingKey"] for listing in page["value"]])
        link = page.get("nextLink", "")
    return pages


def test_the_newest_come_first_and_equals_by_key(put: "Put", client: FlaskClient) -> None:
    """The order is total, so that a page has one end and not several."""
    put("old", modification_timestamp=START)
    put("b", modification_timestamp=START + timedelta(microseconds=1))
    put("c", modification_timestamp=START + timedelta(microseconds=1))
    put("new", modification_timestamp=START + timedelta(microseconds=2))

    assert walked(client, limit=50) == [["new", "c", "b", "old"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
def test_pages_have_no_gap_and_no_duplicate(put: "Put", client: FlaskClient, limit: int) -> None:
    """Also where a page ends amid rows of the same microsecond, and where the last is full."""
    keys = ["f", "e", "d", "c", "b", "a"]
    for number, key in enumerate(keys):
        put(key, modification_timestamp=START - timedelta(microseconds=number // 3))

    pages = walked(client, limit=limit)

    assert [key for page in pages for key in page] == keys
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


def test_a_walk_sees_each_unchanged_row_once_while_others_come(
    put: "Put", client: FlaskClient
) -> None:
    """What is written during the walk moves nothing that is still to come."""
    for number in range(4):
        put(f"k{number}", modification_timestamp=START - timedelta(seconds=number))
    first = client.get("/v1/listings?limit=2").get_json()
    put("new", modification_timestamp=START + timedelta(days=1))

    second = client.get(first["nextLink"]).get_json()

    assert [listing["ListingKey"] for listing in second["value"]] == ["k2", "k3"]
    assert "nextLink" not in second


def test_the_list_shows_what_is_visible_and_nothing_else(put: "Put", client: FlaskClient) -> None:
    """Incomplete, hidden and removed ones are not there, as with GET of one."""
    put("visible")
    put("incomplete", standard_status="Incomplete")
    put("hidden", internet_entire_listing_display_yn=False)
    put("removed", removed_at=START)

    assert walked(client, limit=50) == [["visible"]]


def test_a_row_of_the_list_is_the_listing_itself(put: "Put", client: FlaskClient) -> None:
    """One document, wherever it is read; the address stays hidden here too."""
    put("1", unparsed_address="secret", internet_address_display_yn=False)

    one, page = client.get("/v1/listings/1").get_json(), client.get("/v1/listings").get_json()

    assert page == {"value": [one]}
    assert "UnparsedAddress" not in one


def test_fifty_are_listed_unless_told_otherwise(put: "Put", client: FlaskClient) -> None:
    """The default is 50, and 200 is the most."""
    for number in range(51):
        put(f"{number:03}")

    assert len(client.get("/v1/listings").get_json()["value"]) == 50
    assert len(client.get("/v1/listings?limit=200").get_json()["value"]) == 51


@pytest.mark.usefixtures("put")
def test_an_empty_list_is_a_list(client: FlaskClient) -> None:
    """Nothing to show is no error."""
    assert client.get("/v1/listings").get_json() == {"value": []}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", ["limit"]),
        ("limit=201", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=1e2", ["limit"]),
        ("limit=%EF%BC%91", ["limit"]),
        ("limit=1&limit=2", ["limit"]),
        ("cursor=", ["cursor"]),
        ("cursor=%FF", ["cursor"]),
        ("cursor=abc", ["cursor"]),
        ("Bedrooms=1", ["Bedrooms"]),
        ("city=Tokyo", ["city"]),
        ("%FF=1", ["%FF"]),
        ("limit=x&cursor=y&z=1", ["limit", "cursor", "z"]),
    ],
)
def test_a_query_string_that_is_not_understood_is_refused_by_name(
    client: FlaskClient, query: str, named: list[str]
) -> None:
    """A filter that was silently ignored would look like one that matched everything."""
    answer = client.get(f"/v1/listings?{query}")

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == named
