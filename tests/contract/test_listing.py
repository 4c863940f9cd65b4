from dataclasses import fields
from decimal import Decimal

import pytest

from bukken_contract.listing import (
    EXTENSIONS,
    LISTING_FIELDS,
    Fault,
    Listing,
    MediaItem,
    faults_between_fields,
    wire_name,
)

SOUND = Listing(standard_status="Active", property_type="Residential")


def test_a_listing_has_at_least_thirty_five_reso_fields() -> None:
    """The model is RESO's: extensions are the exception, and each is named."""
    reso = set(LISTING_FIELDS) - set(EXTENSIONS)

    assert len(reso) >= 35
    assert set(EXTENSIONS) <= set(LISTING_FIELDS)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("list_price", "ListPrice"),
        ("waterfront_yn", "WaterfrontYN"),
        ("internet_entire_listing_display_yn", "InternetEntireListingDisplayYN"),
        ("bathrooms_total_integer", "BathroomsTotalInteger"),
        ("media_url", "MediaURL"),
    ],
)
def test_wire_names_are_spelled_as_reso_spells_them(name: str, wire: str) -> None:
    """A partner finds the Data Dictionary's own spelling, irregular ones included."""
    assert wire_name(name) == wire


def test_no_two_fields_share_a_wire_name() -> None:
    """Every field can be told from every other on the wire."""
    for kind in (Listing, MediaItem):
        names = [wire_name(field.name) for field in fields(kind)]

        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("half", "missing"),
    [
        ({"latitude": Decimal("35.6")}, "Longitude"),
        ({"longitude": Decimal("139.7")}, "Latitude"),
        ({"list_price": Decimal(1)}, "Currency"),
        ({"close_price": Decimal(1)}, "Currency"),
        ({"living_area": Decimal(85)}, "LivingAreaUnits"),
        ({"walking_minutes_max": 10}, "WalkingMinutes"),
    ],
)
def test_a_half_of_a_pair_is_refused(half: dict[str, object], missing: str) -> None:
    """A number without its unit, a coordinate without the other, means nothing."""
    listing = Listing(standard_status="Active", property_type="Land", **half)  # type: ignore[arg-type] # one case per pair

    assert [fault.field for fault in faults_between_fields(listing)] == [missing]


def test_whole_pairs_are_taken() -> None:
    """The rules between fields refuse nothing that is complete."""
    listing = Listing(
        standard_status="Active",
        property_type="Land",
        latitude=Decimal(0),
        longitude=Decimal(0),
        list_price=Decimal(0),
        currency="JPY",
    )

    assert faults_between_fields(SOUND) == []
    assert faults_between_fields(listing) == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//example.com/a.jpg", "ftp://a/b"])
def test_media_are_on_the_web(url: str) -> None:
    """A URL that would run in a partner's page, or lead nowhere, is refused by its place."""
    media = (MediaItem(media_url="https://example.com/a.jpg"), MediaItem(media_url=url))
    listing = Listing(standard_status="Active", property_type="Land", media=media)

    assert [fault.field for fault in faults_between_fields(listing)] == ["Media.1.MediaURL"]


def test_a_range_turned_round_is_refused() -> None:
    """Walking minutes from 9 to 3 is a slip of the producer's, and is said to be."""
    listing = Listing(
        standard_status="Active", property_type="Land", walking_minutes=9, walking_minutes_max=3
    )

    assert faults_between_fields(listing) == [
        Fault("WalkingMinutesMax", "must not be below WalkingMinutes")
    ]


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ({"currency": "jpy"}, "Currency"),
        ({"currency": "円円円"}, "Currency"),
        ({"country": "jp"}, "Country"),
    ],
)
def test_codes_are_written_as_their_standard_says(code: dict[str, str], field: str) -> None:
    """ISO 4217 and ISO 3166-1 are capital letters; a search by another spelling finds nothing."""
    listing = Listing(standard_status="Active", property_type="Land", **code)  # type: ignore[arg-type] # one case per code

    assert [fault.field for fault in faults_between_fields(listing)] == [field]
