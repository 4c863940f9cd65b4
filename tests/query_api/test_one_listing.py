from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., None]

LATER = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = {
    "unparsed_address": "東京都千代田区1-1",
    "unit_number": "101",
    "latitude": Decimal("35.68"),
    "longitude": Decimal("139.76"),
    "city": "Chiyoda",
    "postal_code": "100-0001",
}


def test_one_without_media_is_written_as_well(put: "Put", client: FlaskClient) -> None:
    """A PUT that names none leaves JSON's null in the column, which is no array."""
    put("plain", media=None)

    answer = client.get("/v1/listings/plain")

    assert (answer.status_code, b"Media" in answer.data) == (200, False)


def test_a_listing_is_written_in_resos_words(put: "Put", client: FlaskClient) -> None:
    """Numbers are exact and unpadded, times have an offset, what is not known is left out."""
    photo = {"media_url": "https://example.org/1.jpg", "media_category": "Photo", "order": None}
    put(
        "物件-1",
        list_price=Decimal("35000000.00"),
        currency="JPY",
        living_area=Decimal("55.50"),
        close_date=date(2026, 1, 2),
        levels=["One", "Two"],
        waterfront_yn=False,
        media=[photo],
        price_change_timestamp=LATER,
    )

    answer = client.get(f"/v1/listings/{quote('物件-1')}")

    assert answer.get_json() == {
        "ListingKey": "物件-1",
        "Version": 1,
        "StandardStatus": "Active",
        "PropertyType": "Residential",
        "ListPrice": 35000000,
        "Currency": "JPY",
        "CloseDate": "2026-01-02",
        "LivingArea": 55.5,
        "Levels": ["One", "Two"],
        "WaterfrontYN": False,
        "Media": [{"MediaURL": "https://example.org/1.jpg", "MediaCategory": "Photo"}],
        "OriginalEntryTimestamp": "2026-11-22T09:30:00.123456Z",
        "ModificationTimestamp": "2026-11-22T09:30:00.123456Z",
        "PriceChangeTimestamp": "2026-11-23T00:00:00.000000Z",
    }
    assert (answer.status_code, answer.content_type) == (200, "application/json")


def test_jsons_null_for_pictures_is_none(put: "Put", client: FlaskClient) -> None:
    """So an earlier release stored it, and it may still be running beside this one."""
    put("1", media=JSON.NULL)

    assert "Media" not in client.get("/v1/listings/1").get_json()


def test_a_price_of_fourteen_digits_stays_exact(put: "Put", client: FlaskClient) -> None:
    """Money never passes through a float."""
    put("1", list_price=Decimal("999999999999.99"), currency="JPY")

    assert b'"ListPrice":999999999999.99,' in client.get("/v1/listings/1").data


def test_an_address_not_to_be_displayed_is_not_sent(put: "Put", client: FlaskClient) -> None:
    """RESO's InternetAddressDisplayYN false: partner portals are the public's window."""
    put("hidden", internet_address_display_yn=False, **ADDRESS)

    answer = client.get("/v1/listings/hidden").get_json()

    secret = {"UnparsedAddress", "UnitNumber", "Latitude", "Longitude"}
    assert secret & set(answer) == set()
    assert (answer["City"], answer["PostalCode"]) == ("Chiyoda", "100-0001")


@pytest.mark.parametrize("displayed", [True, None])
def test_an_address_is_sent_unless_it_is_told_not_to(
    put: "Put", client: FlaskClient, *, displayed: bool | None
) -> None:
    """The happy twin of the hidden one."""
    put("shown", internet_address_display_yn=displayed, **ADDRESS)

    answer = client.get("/v1/listings/shown").get_json()

    assert answer["UnparsedAddress"] == "東京都千代田区1-1"
    assert (answer["Latitude"], answer["Longitude"]) == (35.68, 139.76)


def test_a_listing_has_a_strong_etag_and_is_asked_for_again(
    put: "Put", client: FlaskClient
) -> None:
    """The tag is version and revision; a private cache keeps it and asks each time."""
    put("1", version=7)

    headers = client.get("/v1/listings/1").headers

    assert (headers["ETag"], headers["Cache-Control"]) == ('"7-1"', "private, no-cache")
    assert "Vary" not in headers


@pytest.mark.parametrize("known", ['"7-1"', 'W/"7-1"', '"3-1", "7-1"', '"x", W/"7-1"', "*"])
def test_what_the_client_has_is_not_sent_again(put: "Put", client: FlaskClient, known: str) -> None:
    """If-None-Match compares weakly and takes lists (RFC 9110 § 13.1.2)."""
    put("1", version=7)

    answer = client.get("/v1/listings/1", headers={"If-None-Match": known})

    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == '"7-1"'
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("known", ["", '"6-1"', '"7-2"', "7-1", 'w/"7-1"'])
def test_what_the_client_does_not_have_is_sent(put: "Put", client: FlaskClient, known: str) -> None:
    """Another version, another revision, or no tag at all: the listing is sent."""
    put("1", version=7)

    assert client.get("/v1/listings/1", headers={"If-None-Match": known}).status_code == 200


def test_head_is_get_without_the_body(put: "Put", client: FlaskClient) -> None:
    """The same status and headers, its length included."""
    put("1")

    got, head = client.get("/v1/listings/1"), client.head("/v1/listings/1")

    assert head.data == b""
    names = ("Content-Length", "Content-Type", "ETag", "Cache-Control")
    assert [head.headers[n] for n in names] == [got.headers[n] for n in names]
    assert int(head.headers["Content-Length"]) == len(got.data)


@pytest.mark.parametrize(
    "columns",
    [
        {"standard_status": "Incomplete"},
        {"internet_entire_listing_display_yn": False},
        {"standard_status": "Incomplete", "ever_visible": False},
        {"removed_at": LATER, "ever_visible": False, "standard_status": None},
    ],
    ids=["incomplete", "not to be displayed", "never visible", "removed, never visible"],
)
def test_what_may_not_be_seen_looks_like_what_never_was(
    put: "Put", client: FlaskClient, columns: dict[str, Any]
) -> None:
    """Not a byte tells the two apart, whatever the condition."""
    put("hidden", **columns)
    headers = {"X-Request-ID": "same", "If-None-Match": "*"}

    hidden = client.get("/v1/listings/hidden", headers=headers)
    never = client.get("/v1/listings/never", headers=headers)

    assert hidden.status_code == 404
    assert (hidden.data, list(hidden.headers)) == (never.data, list(never.headers))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_was_seen_and_is_removed_is_gone(put: "Put", client: FlaskClient, method: str) -> None:
    """410 tells a portal to take it down for good."""
    put("gone", removed_at=LATER, standard_status=None, property_type=None)

    answer = client.open("/v1/listings/gone", method=method)

    assert answer.status_code == 410


@pytest.mark.parametrize("key", ["あ" * 255, "a b+c%&?#;=", "..a", "é"])
def test_any_key_of_the_contract_is_found(put: "Put", client: FlaskClient, key: str) -> None:
    """Whatever a key may hold, a percent-encoded URL reaches it."""
    put(key)

    assert client.get(f"/v1/listings/{quote(key, safe='')}").get_json()["ListingKey"] == key


@pytest.mark.parametrize(
    ("segment", "status"),
    [
        ("a%2Fb", 422),
        ("%2E%2E", 422),
        ("a%00", 422),
        ("a%0A", 422),
        ("e%CC%81", 422),
        ("a" * 256, 422),
        ("a?x=1", 400),
        ("%zz", 400),
        ("%FF", 400),
        ("%E7%89", 400),
        ("%ED%A0%80", 400),
    ],
)
def test_what_is_no_key_is_refused_by_its_rule(
    client: FlaskClient, segment: str, status: int
) -> None:
    """Read from the path as it was sent: decoded by a framework, two keys may become one."""
    answer = client.get(f"/v1/listings/{segment}")

    assert answer.status_code == status
    assert "ListingKey" in answer.get_json()["detail"]
