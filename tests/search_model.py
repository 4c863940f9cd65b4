"""A search in plain Python, and the rows it is asked of: what the real one is held against."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bukken_contract.listing import wire_name

Row = dict[str, Any]

START = datetime(2026, 11, 22, tzinfo=UTC)
EARTH_METRES = 6378168  # earthdistance's
FOOT = Decimal("0.09290304")
TEXTS = ("霞ヶ関の駅前", "霞ケ関", "ｵｰﾄﾛｯｸ", "オートロック ２ＬＤＫ", "2ldk 駅前", None)
EQUALITIES = ("city", "standard_status", "property_type", "currency")


def _rows() -> list[Row]:
    """Every value beside every other, many ties and gaps; numbers without a common factor."""
    return [
        {
            "listing_key": f"k{n:02}" if n % 5 else f"物件,{n}",
            "version": 1,
            "original_entry_timestamp": START,
            "modification_timestamp": START - timedelta(microseconds=n % 17),
            "ever_visible": True,
            "standard_status": ("Active", "Pending", "Incomplete")[n % 3],
            "property_type": ("Residential", "Land")[n % 2],
            "city": ("新宿区", "渋谷区", "霞ヶ関", None)[n % 4],
            "currency": ("JPY", "USD", None)[n % 3 - 1],
            "list_price": (None, 100, 200, Decimal("200.01"))[n % 4] if n % 3 != 0 else None,
            "living_area": (None, 50, 100, 1000)[n // 2 % 4],
            "living_area_units": ("SquareMeters", "SquareFeet")[n % 2],
            "bedrooms_total": (None, 0, 1, 2, 3)[n % 5],
            "latitude": Decimal("35.6") + Decimal(n % 7) / 100 if n % 6 else None,
            "longitude": Decimal("139.7") if n % 6 else None,
            "public_remarks": TEXTS[n % 6],
            "internet_entire_listing_display_yn": (None, True, True, False)[n % 11 % 4],
            "internet_address_display_yn": (None, True, False)[n // 3 % 3],
            "removed_at": START if n % 13 == 0 else None,
        }
        for n in range(1, 97)
    ]


ROWS = _rows()


def visible(row: Row) -> bool:
    """As architecture § 3 has it."""
    shown = row["internet_entire_listing_display_yn"] is not False
    return shown and row["removed_at"] is None and row["standard_status"] != "Incomplete"


def form(words: str) -> str:
    """What of a text matters to a search."""
    return unicodedata.normalize("NFKC", words).lower().replace("ヶ", "ケ")


def square_metres(row: Row) -> Decimal | None:
    """The living area, whatever it is written in."""
    area: Decimal | None = row["living_area"]
    return area * FOOT if area is not None and row["living_area_units"] == "SquareFeet" else area


def metres_from(near: tuple[Decimal, Decimal], row: Row) -> float | None:
    """The great circle's length (haversine); None where there is no place, or it is not shown."""
    if row["latitude"] is None or row["internet_address_display_yn"] is False:
        return None
    a, b, c, d = (math.radians(v) for v in (*near, row["latitude"], row["longitude"]))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * EARTH_METRES * math.asin(math.sqrt(half))


NEAR = (Decimal("35.63"), Decimal("139.71"))


def matches(row: Row, query: Mapping[str, str]) -> bool:
    """Whether the model's search finds the row."""
    area, price, distance = square_metres(row), row["list_price"], metres_from(NEAR, row)
    conditions = [visible(row)]
    conditions += [
        row[c] in query[wire_name(c)].split(",") for c in EQUALITIES if wire_name(c) in query
    ]
    if (keys := query.get("ListingKey")) is not None:
        conditions.append(row["listing_key"].replace(",", "\\,") in re.split(r"(?<!\\),", keys))
    for name, value in (("ListPrice", price), ("BedroomsTotal", row["bedrooms_total"])):
        conditions += _ends(name, value=value, query=query)
    unit = FOOT if query.get("AreaUnits") == "SquareFeet" else Decimal(1)
    conditions += _ends("LivingArea", value=area, query=query, unit=unit)
    if (words := query.get("q")) is not None:
        text = form("\n".join([row["city"] or "", row["public_remarks"] or ""]))
        conditions += [form(word) in text for word in words.split()]
    if (radius := query.get("radius_km")) is not None:
        conditions.append(distance is not None and distance <= float(radius) * 1000)
    return all(conditions)


def _ends(
    name: str, *, value: Decimal | None, query: Mapping[str, str], unit: Decimal = Decimal(1)
) -> Iterator[bool]:
    if (least := query.get(f"{name}.ge")) is not None:
        yield value is not None and value >= Decimal(least) * unit
    if (most := query.get(f"{name}.le")) is not None:
        yield value is not None and value <= Decimal(most) * unit


def ordered(rows: list[Row], sort: str) -> list[str]:
    """The keys in the model's order: the unknown last, equals by key in the same direction."""
    values: dict[str, Callable[[Row], Any]] = {
        "ListPrice": lambda row: row["list_price"],
        "LivingArea": square_metres,
        "ModificationTimestamp": lambda row: row["modification_timestamp"],
        "distance": lambda row: round(metres_from(NEAR, row) or 0, 3),
    }
    value = values[sort.removeprefix("-")]
    known = [row for row in rows if value(row) is not None]
    unknown = [row for row in rows if value(row) is None]
    falling = sort.startswith("-")
    known.sort(key=lambda row: (value(row), row["listing_key"]), reverse=falling)
    unknown.sort(key=lambda row: row["listing_key"], reverse=falling)
    return [row["listing_key"] for row in known + unknown]
