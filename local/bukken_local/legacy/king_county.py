"""House sales of King County (Seattle), 2014 to 2015, as listings.

Closed sales taken in as Active so that there is something to search. `sqft_living15` and
`sqft_lot15` are the neighbours' figures, not the house's, and are not taken. The file does not
say in which city a house stands nor of what kind it is, so neither is said.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from bukken_contract.listing import Listing
from bukken_local.legacy.source import (
    Fields,
    LineRefusedError,
    Message,
    Readers,
    Row,
    Source,
    UnreadValueError,
    read_fields,
    text,
)

HEADER: Final = (
    "id",
    "date",
    "price",
    "bedrooms",
    "bathrooms",
    "sqft_living",
    "sqft_lot",
    "floors",
    "waterfront",
    "view",
    "condition",
    "grade",
    "sqft_above",
    "sqft_basement",
    "yr_built",
    "yr_renovated",
    "zipcode",
    "lat",
    "long",
    "sqft_living15",
    "sqft_lot15",
)
PARCEL_DIGITS: Final = 10
# A bathroom without all four fixtures is told as a fraction. The fraction is read as one such
# room: 2.25 is two full and one quarter. It may have been 1 + 0.75 + 0.5; the file cannot say.
PART_BATHROOMS: Final = {
    Decimal("0.25"): "bathrooms_one_quarter",
    Decimal("0.5"): "bathrooms_half",
    Decimal("0.75"): "bathrooms_three_quarter",
}
LEVELS: Final = {
    Decimal(1): "One",
    Decimal("1.5"): "OneAndOneHalf",
    Decimal(2): "Two",
    Decimal(
        "2.5"
    ): "TwoAndOneHalf",  # RESO has no word between Two and ThreeOrMore; the lookup is open
    Decimal(3): "ThreeOrMore",
    Decimal("3.5"): "ThreeOrMore",
}
YES_OR_NO: Final = {"0": False, "1": True}
LARGEST_POWER: Final = 20  # far above any price; 1E+999999 would fill the memory
GRADED: Final = {"view": "0 to 4", "condition": "1 to 5", "grade": "1 to 13"}
NEVER: Final = "0"


def message_of(row: Row) -> Message:
    """The row as a message of the back end; a house sold twice is two listings.

    Raises:
        LineRefusedError: the parcel, the date or the price cannot be read.
    """
    fields, unread = read_fields(row, readers=FIELDS)
    day = _date(row["date"])
    return Message(
        key=f"king-county-{_parcel(row['id'])}-{day:%Y%m%d}",
        source_version=int(f"{day:%Y%m%d}"),
        listing=Listing(**_whole(row), **fields, public_remarks=_remarks(row, columns=unread)),
        unread=unread,
    )


def _whole(row: Row) -> Fields:
    """The fields no listing goes without."""
    price = _price(row["price"])
    return {
        "standard_status": "Active",
        "property_type": "Residential",
        "list_price": price,
        "close_price": price,
        "currency": "USD",
        "close_date": _date(row["date"]),
        "country": "US",
        "state_or_province": "WA",
        "originating_system_name": "King County house sales",
        "originating_system_key": _parcel(row["id"]),
    }


def _date(value: str) -> date:
    found = re.fullmatch("([0-9]{8})T000000", value)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise LineRefusedError(f"date is not a day as 20141013T000000: {value!r}") from None


def _parcel(value: str) -> str:
    """The county's parcel number, which has ten digits; the file lost its leading zeros."""
    if not re.fullmatch(f"[0-9]{{1,{PARCEL_DIGITS}}}", value):
        raise LineRefusedError(f"id is not a parcel number: {value!r}")
    return value.zfill(PARCEL_DIGITS)


def _price(value: str) -> Decimal:
    try:
        return _number(value)
    except UnreadValueError:
        raise LineRefusedError(f"price is not a number: {value!r}") from None


def _number(value: str) -> Decimal:
    """The exact number, also when the file says 1.0075E+06."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise UnreadValueError(value) from None
    if not number.is_finite() or number.adjusted() > LARGEST_POWER:
        raise UnreadValueError(value)
    return Decimal(format(number, "f"))


def _whole_number(value: str) -> int:
    number = _number(value)
    if number != int(number):
        raise UnreadValueError(value)
    return int(number)


def _count(field: str) -> Callable[[str], Fields]:
    """A whole number as written: 33 bedrooms are the source's to correct."""
    return lambda value: {field: _whole_number(value)} if value else {}


def _area(field: str, *, units: str) -> Callable[[str], Fields]:
    return lambda value: {field: _number(value), units: "SquareFeet"} if value else {}


def _year(field: str) -> Callable[[str], Fields]:
    return lambda value: {} if value == NEVER else _count(field)(value)


def _bathrooms(value: str) -> Fields:
    if not value:
        return {}
    full, part = divmod(_number(value), 1)
    if not part:
        return {"bathrooms_total_integer": int(full), "bathrooms_full": int(full)}
    if part not in PART_BATHROOMS:
        raise UnreadValueError(value)
    rooms = {"bathrooms_full": int(full), PART_BATHROOMS[part]: 1}
    return {"bathrooms_total_integer": int(full) + 1, **rooms}


def _floors(value: str) -> Fields:
    """A half floor is no whole number of Stories, but it is a word of Levels."""
    if not value:
        return {}
    number = _number(value)
    if number not in LEVELS:
        raise UnreadValueError(value)
    stories = {} if number % 1 else {"stories": int(number)}
    return {"levels": (LEVELS[number],), **stories}


def _place(latitude: str, longitude: str) -> Fields:
    if not (latitude and longitude):
        return {}
    return {"latitude": _number(latitude), "longitude": _number(longitude)}


def _waterfront(value: str) -> Fields:
    if not value:
        return {}
    if value not in YES_OR_NO:
        raise UnreadValueError(value)
    return {"waterfront_yn": YES_OR_NO[value]}


def _remarks(row: Row, *, columns: Iterable[str]) -> str | None:
    """The county's grades have no field: RESO's View names what is seen, not how well."""
    scales = {**GRADED, **dict.fromkeys(columns, "as written")}
    said = (f"{name} {row[name]} ({scale})" for name, scale in scales.items() if row[name])
    return ", ".join(said) or None


FIELDS: Final[Readers] = {
    ("bedrooms",): _count("bedrooms_total"),
    ("bathrooms",): _bathrooms,
    ("sqft_living",): _area("living_area", units="living_area_units"),
    ("sqft_lot",): _area("lot_size_area", units="lot_size_units"),
    ("floors",): _floors,
    ("waterfront",): _waterfront,
    ("sqft_above",): _area("above_grade_finished_area", units="above_grade_finished_area_units"),
    ("sqft_basement",): _area("below_grade_finished_area", units="below_grade_finished_area_units"),
    ("yr_built",): _year("year_built"),
    ("yr_renovated",): _year("year_built_effective"),  # RESO: the year of a major rebuild
    ("zipcode",): text("postal_code"),
    ("lat", "long"): _place,
}

SOURCE: Final = Source(name="king_county_sales.csv", header=HEADER, message_of=message_of)
