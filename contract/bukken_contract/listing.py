"""The listing as the public contract knows it: RESO's fields, our extensions, their bounds.

Names on the wire are the RESO Data Dictionary 2.0's; in Python they are snake_case, and
`wire_name` is the one bridge between the two. The bounds stand in the annotations, where the
command side's edge reads them; this class itself checks nothing, so that a row of the database
becomes a `Listing` at no cost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, get_args

from annotated_types import Ge, Le, MaxLen, MinLen

StandardStatus = Literal[
    "Active",
    "ActiveUnderContract",
    "Canceled",
    "Closed",
    "ComingSoon",
    "Delete",
    "Expired",
    "Hold",
    "Incomplete",
    "Pending",
    "Withdrawn",
]
PropertyType = Literal[
    "BusinessOpportunity",
    "CommercialLease",
    "CommercialSale",
    "Farm",
    "Land",
    "ManufacturedInPark",
    "Residential",
    "ResidentialIncome",
    "ResidentialLease",
]
AreaUnits = Literal["SquareFeet", "SquareMeters"]
MediaCategory = Literal["Document", "FloorPlan", "Photo", "Video", "VirtualTour"]

MAX_MONEY: Final = Decimal("999999999999.99")


@dataclass(frozen=True)
class Places:
    """How many decimal places a number may have: more are refused, never rounded."""

    decimal_places: int


Money = Annotated[Decimal, Ge(Decimal(0)), Le(MAX_MONEY), Places(2)]
Area = Annotated[Decimal, Ge(Decimal(0)), Le(MAX_MONEY), Places(2)]
Ratio = Annotated[Decimal, Ge(Decimal(0)), Le(Decimal(10_000)), Places(2)]
Latitude = Annotated[Decimal, Ge(Decimal(-90)), Le(Decimal(90)), Places(8)]
Longitude = Annotated[Decimal, Ge(Decimal(-180)), Le(Decimal(180)), Places(8)]
Count = Annotated[int, Ge(0), Le(9_999)]
Year = Annotated[int, Ge(1000), Le(2200)]
Minutes = Annotated[int, Ge(0), Le(1_440)]
Text50 = Annotated[str, MinLen(1), MaxLen(50)]
Text255 = Annotated[str, MinLen(1), MaxLen(255)]
Remarks = Annotated[str, MinLen(1), MaxLen(4_000)]
Words = Annotated[tuple[Text50, ...], MaxLen(50)]
CountryCode = Annotated[str, MinLen(2), MaxLen(2)]
CurrencyCode = Annotated[str, MinLen(3), MaxLen(3)]


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaItem:
    """One picture, plan or film of a listing (RESO resource Media), in the order to be shown."""

    media_url: Annotated[str, MinLen(1), MaxLen(2_000)]
    media_category: MediaCategory = "Photo"
    order: Annotated[int, Ge(0), Le(9_999)] | None = None
    short_description: Text255 | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What a producer says of one property for sale or rent. Absent means: not known."""

    standard_status: StandardStatus
    property_type: PropertyType
    property_sub_type: Text50 | None = None
    mls_status: Text50 | None = None
    listing_id: Text255 | None = None
    originating_system_name: Text255 | None = None
    originating_system_key: Text255 | None = None
    list_office_name: Text255 | None = None

    list_price: Money | None = None
    original_list_price: Money | None = None
    close_price: Money | None = None
    currency: CurrencyCode | None = None

    listing_contract_date: date | None = None
    on_market_date: date | None = None
    close_date: date | None = None

    country: CountryCode | None = None
    state_or_province: Text50 | None = None
    city: Text50 | None = None
    municipality_code: Text50 | None = None
    subdivision_name: Text255 | None = None
    postal_code: Text50 | None = None
    unparsed_address: Text255 | None = None
    unit_number: Text50 | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    nearest_station: Text255 | None = None
    walking_minutes: Minutes | None = None
    walking_minutes_max: Minutes | None = None

    bedrooms_total: Count | None = None
    bathrooms_total_integer: Count | None = None
    bathrooms_full: Count | None = None
    bathrooms_three_quarter: Count | None = None
    bathrooms_half: Count | None = None
    bathrooms_one_quarter: Count | None = None
    floor_plan: Text255 | None = None
    living_area: Area | None = None
    living_area_units: AreaUnits | None = None
    lot_size_area: Area | None = None
    lot_size_units: AreaUnits | None = None
    building_area_total: Area | None = None
    building_area_units: AreaUnits | None = None
    above_grade_finished_area: Area | None = None
    above_grade_finished_area_units: AreaUnits | None = None
    below_grade_finished_area: Area | None = None
    below_grade_finished_area_units: AreaUnits | None = None
    area_is_minimum_yn: bool | None = None
    stories: Count | None = None
    levels: Words | None = None
    year_built: Year | None = None
    year_built_details: Text255 | None = None
    year_built_effective: Year | None = None

    construction_materials: Words | None = None
    current_use: Words | None = None
    zoning: Text255 | None = None
    building_coverage_ratio: Ratio | None = None
    floor_area_ratio: Ratio | None = None
    lot_features: Words | None = None
    frontage_length: Text255 | None = None
    road_frontage_type: Words | None = None
    view: Words | None = None
    waterfront_yn: bool | None = None

    public_remarks: Remarks | None = None
    media: Annotated[tuple[MediaItem, ...], MaxLen(100)] | None = None
    internet_entire_listing_display_yn: bool | None = None
    internet_address_display_yn: bool | None = None


LISTING_FIELDS: Final = tuple(field.name for field in fields(Listing))

# What RESO has no word for; documented in docs/listing-fields.md, held by test_listing.py.
EXTENSIONS: Final[Mapping[str, str]] = {
    "currency": "ISO 4217 code of every price of the listing.",
    "municipality_code": "Code of the municipality in its own country (市区町村コード in Japan).",
    "nearest_station": "The railway station people name when they describe the place.",
    "walking_minutes": "Minutes on foot to the nearest station; the lower end of a range.",
    "walking_minutes_max": "The upper end, where the source gives a range.",
    "floor_plan": "The floor plan as written, such as ３ＬＤＫ.",
    "area_is_minimum_yn": "True where the source gives an area as “or more” (2000㎡以上).",
    "building_coverage_ratio": "Building coverage allowed by zoning, percent (建ぺい率).",
    "floor_area_ratio": "Floor area allowed by zoning, percent of the lot (容積率).",
}

# Set by the exchange alone; a producer that sends one is told so.
SET_BY_THE_EXCHANGE: Final[Mapping[str, str]] = {
    "version": "Counts the listing's changes for ever, also across its removal.",
    "original_entry_timestamp": "When the listing was first taken in.",
    "modification_timestamp": "When it last changed.",
    "status_change_timestamp": "When StandardStatus last changed.",
    "price_change_timestamp": "When ListPrice last changed.",
    "photos_change_timestamp": "When Media last changed.",
}

_IRREGULAR: Final = {"media_url": "MediaURL"}


def wire_name(name: str) -> str:
    """RESO's spelling of a field: `list_price` → `ListPrice`, `waterfront_yn` → `WaterfrontYN`."""
    words = name.split("_")
    return _IRREGULAR.get(name) or "".join("YN" if w == "yn" else w.capitalize() for w in words)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field of a request, in words a producer can act on."""

    field: str
    detail: str


# (dependent, needed): a number without its unit, a price without its currency means nothing.
NEEDS: Final = (
    ("latitude", "longitude"),
    ("longitude", "latitude"),
    ("list_price", "currency"),
    ("original_list_price", "currency"),
    ("close_price", "currency"),
    ("living_area", "living_area_units"),
    ("lot_size_area", "lot_size_units"),
    ("building_area_total", "building_area_units"),
    ("above_grade_finished_area", "above_grade_finished_area_units"),
    ("below_grade_finished_area", "below_grade_finished_area_units"),
    ("walking_minutes_max", "walking_minutes"),
)


CODES: Final = (
    ("currency", re.compile("[A-Z]{3}"), "must be three capital letters (ISO 4217)"),
    ("country", re.compile("[A-Z]{2}"), "must be two capital letters (ISO 3166-1)"),
)


def faults_between_fields(listing: Listing) -> list[Fault]:
    """What lengths and ranges cannot show: a missing companion, a range turned round, no code."""
    faults = [
        Fault(wire_name(name), rule)
        for name, form, rule in CODES
        if (code := getattr(listing, name)) is not None and not form.fullmatch(code)
    ]
    faults += [
        Fault(wire_name(needed), f"is required with {wire_name(name)}")
        for name, needed in NEEDS
        if getattr(listing, name) is not None and getattr(listing, needed) is None
    ]
    low, high = listing.walking_minutes, listing.walking_minutes_max
    if low is not None and high is not None and high < low:
        faults.append(Fault("WalkingMinutesMax", "must not be below WalkingMinutes"))
    return faults + _faults_of_media(listing.media or ())


def _faults_of_media(media: tuple[MediaItem, ...]) -> list[Fault]:
    """Partners put these URLs into pages: `javascript:` and its like must not get there."""
    return [
        Fault(f"Media.{place}.MediaURL", "must begin with https:// or http://")
        for place, item in enumerate(media)
        if not item.media_url.startswith(("https://", "http://"))
    ]


LOOKUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "StandardStatus": get_args(StandardStatus),
    "PropertyType": get_args(PropertyType),
    "AreaUnits": get_args(AreaUnits),
    "MediaCategory": get_args(MediaCategory),
}
