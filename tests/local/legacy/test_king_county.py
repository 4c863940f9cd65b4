"""Each quirk of the King County file, and what an importer makes of it."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from bukken_contract.listing import faults_between_fields
from bukken_local.legacy.king_county import HEADER, SOURCE, message_of
from bukken_local.legacy.source import LineRefusedError, opened

PLAIN = dict.fromkeys(HEADER, "") | {
    "id": "7129300520",
    "date": "20141013T000000",
    "price": "221900",
}


@pytest.mark.parametrize(
    ("column", "value", "field", "expected"),
    [
        ("price", "221900", "list_price", "221900"),
        ("price", "1.0075E+06", "list_price", "1007500"),
        ("price", "2.00E+06", "close_price", "2000000"),
        ("bedrooms", "33", "bedrooms_total", "33"),
        ("bedrooms", "0", "bedrooms_total", "0"),
        ("bedrooms", "", "bedrooms_total", "None"),
        ("bathrooms", "2", "bathrooms_total_integer", "2"),
        ("bathrooms", "2.25", "bathrooms_total_integer", "3"),
        ("bathrooms", "2.25", "bathrooms_one_quarter", "1"),
        ("bathrooms", "2.5", "bathrooms_half", "1"),
        ("bathrooms", "1.75", "bathrooms_three_quarter", "1"),
        ("bathrooms", "0.5", "bathrooms_full", "0"),
        ("sqft_living", "1180", "living_area", "1180"),
        ("sqft_living", "1180", "living_area_units", "SquareFeet"),
        ("sqft_above", "", "above_grade_finished_area", "None"),
        ("sqft_above", "", "above_grade_finished_area_units", "None"),
        ("floors", "2", "stories", "2"),
        ("floors", "1.5", "stories", "None"),
        ("floors", "1.5", "levels", "('OneAndOneHalf',)"),
        ("waterfront", "1", "waterfront_yn", "True"),
        ("waterfront", "0", "waterfront_yn", "False"),
        ("yr_built", "1955", "year_built", "1955"),
        ("yr_renovated", "0", "year_built_effective", "None"),
        ("yr_renovated", "1991", "year_built_effective", "1991"),
        ("zipcode", "98178", "postal_code", "98178"),
        ("view", "4", "public_remarks", "view 4 (0 to 4)"),
    ],
)
def test_value_becomes_field(column: str, value: str, field: str, expected: str) -> None:
    """A value becomes the field RESO has for it, exactly; an empty one becomes nothing."""
    assert str(getattr(message_of(PLAIN | {column: value}).listing, field)) == expected


def test_place_needs_both_coordinates() -> None:
    """A latitude without its longitude is no place."""
    both = message_of(PLAIN | {"lat": "47.5112", "long": "-122.257"}).listing
    half = message_of(PLAIN | {"lat": "47.5112"}).listing

    assert (both.latitude, both.longitude) == (Decimal("47.5112"), Decimal("-122.257"))
    assert (half.latitude, half.longitude) == (None, None)


def test_lost_zeros_come_back() -> None:
    """A parcel has ten digits; those a spreadsheet cut off are put back."""
    message = message_of(PLAIN | {"id": "795000620"})

    assert message.key == "king-county-0795000620-20141013"
    assert message.listing.originating_system_key == "0795000620"


def test_house_sold_twice_is_two_listings() -> None:
    """The key holds the day of the sale, which is also the version and the CloseDate."""
    sales = [message_of(PLAIN | {"date": f"{day}T000000"}) for day in ("20141013", "20150101")]

    assert len({sale.key for sale in sales}) == 2
    assert [sale.source_version for sale in sales] == [20141013, 20150101]
    assert sales[1].listing.close_date == date(2015, 1, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bedrooms", "3.5"),
        ("bathrooms", "2.1"),
        ("sqft_lot", "NaN"),
        ("sqft_lot", "1E+999999"),
        ("floors", "many"),
        ("waterfront", "2"),
        ("lat", "north"),
    ],
)
def test_unreadable_value_stays_in_the_remarks(column: str, value: str) -> None:
    """A value no field takes costs the field, not the line: it stays readable, and is reported."""
    message = message_of(PLAIN | {"long": "-122.257", column: value})

    assert f"{column} {value} (as written)" in str(message.listing.public_remarks)
    assert column in message.unread


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("id", "", "id is not a parcel number: ''"),
        ("id", "12345678901", "id is not a parcel number"),
        ("date", "20141313T000000", "date is not a day"),
        ("date", "2014-10-13", "date is not a day"),
        ("price", "", "price is not a number: ''"),
        ("price", "Infinity", "price is not a number"),
    ],
)
def test_line_without_a_listing_is_refused(column: str, value: str, reason: str) -> None:
    """A line that lacks what every listing needs is refused in words that name the column."""
    with pytest.raises(LineRefusedError, match=reason):
        message_of(PLAIN | {column: value})


def test_every_line_of_the_real_file_becomes_a_listing(real_file: Callable[[str], Path]) -> None:
    """All 21,613 lines become listings that fit together, with 21,613 keys; no value is lost."""
    with opened(real_file("king_county_sales.csv"), sources=(SOURCE,)) as lines:
        messages = [line.message for line in lines if line.message]

    assert len({message.key for message in messages}) == len(messages) == 21_613
    assert [m for m in messages if m.unread or faults_between_fields(m.listing)] == []
