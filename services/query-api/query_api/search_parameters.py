"""The parameters of a search: what each takes, and which go together."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from bukken_contract.keys import MAX_KEY_CHARACTERS
from bukken_contract.listing import LOOKUPS, Fault, wire_name
from bukken_contract.problems import Invalid
from bukken_database.schema import EQUALITIES
from query_api.parsing import (
    CURSOR,
    LIMIT,
    Parameters,
    Parser,
    Refused,
    cursor_parser,
    limit_parser,
    parameters_of,
)
from query_api.search import DISTANCE, NEWEST, SORTS, Circle, Range, Search

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
MAX_KEYS: Final = 200
MAX_RADIUS_KM: Final = 10
MAX_CHARACTERS: Final = 100
MAX_VALUES: Final = 20

# What openapi/ tells of these parameters and what is checked here are the same expressions. Control
# characters: PostgreSQL takes no NUL, and nothing that can be found holds another.
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f"
VALUE: Final = rf"(?:\\,|[^,{_CONTROL}])"
_SPACE: Final = rf"[^\S{_CONTROL}]"
_WORD: Final = rf"[^\s{_CONTROL}]+"
WORDS: Final = rf"{_SPACE}*{_WORD}(?:{_SPACE}+{_WORD}){{0,9}}{_SPACE}*"
DECIMAL: Final = r"[0-9]{1,12}(?:\.[0-9]{1,2})?"
_FRACTION: Final = r"(?:\.[0-9]{1,8})?"
_LATITUDE: Final = rf"-?(?:90(?:\.0{{1,8}})?|[0-8]?[0-9]{_FRACTION})"
_LONGITUDE: Final = rf"-?(?:180(?:\.0{{1,8}})?|(?:1[0-7]|[0-9])?[0-9]{_FRACTION})"
NEAR: Final = f"({_LATITUDE}),({_LONGITUDE})"

SQUARE_METRES_OF_A_SQUARE_FOOT: Final = Decimal("0.09290304")  # exactly: 0.3048²

_WHOLE_RANGES: Final[Mapping[str, str]] = {
    wire_name(name): name for name in ("bedrooms_total", "year_built", "walking_minutes")
}
_AREA_RANGES: Final[Mapping[str, str]] = {
    "LivingArea": "living_square_metres",
    "LotSizeArea": "lot_square_metres",
    "BuildingAreaTotal": "building_square_metres",
}
_RANGES: Final = {"ListPrice": "list_price", **_WHOLE_RANGES, **_AREA_RANGES}
_ENDS: Final = ("ge", "le")  # OData's words, as the RESO Web API has them


def search_parameters(query_string: bytes) -> Parameters:
    """The parameters of a search, each understood and all of them together.

    Raises:
        Invalid: names each that is not, or does not go with the others.
    """
    given = parameters_of(query_string, parsers=PARSERS)
    if faults := list(_conflicts(given.values)):
        raise Invalid("the parameters do not go together", faults=faults)
    return given


def search_of(values: Mapping[str, Any]) -> Search:
    """The search that parameters without faults ask for."""
    return Search(
        any_of={column: values[name] for name, column in _EQUALITIES.items() if name in values},
        ranges={
            column: _range(name, values=values)
            for name, column in _RANGES.items()
            if any(f"{name}.{end}" in values for end in _ENDS)
        },
        words=values.get("q", ()),
        circle=_circle(values),
        sort=values.get("sort", NEWEST),
    )


def _range(name: str, *, values: Mapping[str, Any]) -> Range:
    ends = [values.get(f"{name}.{end}") for end in _ENDS]
    if name in _AREA_RANGES and values.get("AreaUnits") == "SquareFeet":
        ends = [end and end * SQUARE_METRES_OF_A_SQUARE_FOOT for end in ends]
    return Range(*ends)


def _circle(values: Mapping[str, Any]) -> Circle | None:
    if "near" not in values:
        return None
    latitude, longitude = values["near"]
    return Circle(latitude, longitude, metres=values["radius_km"] * 1000)


def _conflicts(values: Mapping[str, Any]) -> Iterator[Fault]:
    """What each parameter alone cannot show."""
    prices = [name for name in values if name.startswith("ListPrice.")]
    if (prices or _sort(values) == "list_price") and len(values.get("Currency", ())) != 1:
        asked = prices[0] if prices else "a sort by ListPrice"
        yield Fault("Currency", f"is required with {asked}, and just one: prices are of one alone")
    for name in _RANGES:
        least, most = (values.get(f"{name}.{end}") for end in _ENDS)
        if least is not None and most is not None and least > most:
            yield Fault(f"{name}.ge", f"is above {name}.le: nothing lies between")
    areas = [f"{name}.{end}" for name in _AREA_RANGES for end in _ENDS]
    if "AreaUnits" in values and not any(name in values for name in areas):
        yield Fault("AreaUnits", f"is the unit of {', '.join(areas)}, and there is none")
    for name, needed in (("near", "radius_km"), ("radius_km", "near")):
        if name in values and needed not in values:
            yield Fault(needed, f"is required with {name}")
    if _sort(values) == DISTANCE and "near" not in values:
        yield Fault("near", "is required with a sort by distance")


def _sort(values: Mapping[str, Any]) -> str:
    column: str = values.get("sort", NEWEST).column
    return column


def several(text: str, *, longest: int, most: int) -> tuple[str, ...]:
    """Values between commas; a comma within one has a backslash before it."""
    values = re.split(r"(?<!\\),", text)
    if len(values) > most:
        raise Refused(f"has more than {most} values")
    if not all(re.fullmatch(f"{VALUE}{{1,{longest}}}", value) for value in values):
        raise Refused(
            f"must be values of 1 to {longest} characters, with commas between; no control"
            " characters"
        )
    return tuple(value.replace("\\,", ",") for value in values)


def lookups(text: str, *, lookup: str) -> tuple[str, ...]:
    """Values of a RESO lookup."""
    values = several(text, longest=MAX_CHARACTERS, most=MAX_VALUES)
    if any(value not in LOOKUPS[lookup] for value in values):
        raise Refused(f"must be of {', '.join(LOOKUPS[lookup])}")
    return values


def decimal(text: str) -> Decimal:
    """A price or an area."""
    if not re.fullmatch(DECIMAL, text):
        raise Refused("must be a number of at most 12 digits and 2 decimals, such as 1250.5")
    return Decimal(text)


def whole(text: str) -> int:
    """A count, a year or minutes."""
    if not re.fullmatch("[0-9]{1,4}", text):
        raise Refused("must be a whole number from 0 to 9999")
    return int(text)


def area_units(text: str) -> str:
    """The unit of the areas asked with."""
    if text not in LOOKUPS["AreaUnits"]:
        raise Refused(f"must be one of {', '.join(LOOKUPS['AreaUnits'])}")
    return text


def near(text: str) -> tuple[Decimal, Decimal]:
    """A place: latitude, longitude."""
    if (found := re.fullmatch(NEAR, text)) is None:
        raise Refused("must be latitude and longitude in degrees, such as 35.681236,139.767125")
    return Decimal(found[1]), Decimal(found[2])


def radius(text: str) -> Decimal:
    """Kilometres."""
    if (
        not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", text)
        or not 0 < Decimal(text) <= MAX_RADIUS_KM
    ):
        raise Refused(f"must be a number above 0 and up to {MAX_RADIUS_KM}, kilometres")
    return Decimal(text)


def words(text: str) -> tuple[str, ...]:
    """Between spaces, the ideographic one among them."""
    if len(text) > MAX_CHARACTERS or not re.fullmatch(WORDS, text):
        raise Refused(
            f"must be 1 to 10 words, {MAX_CHARACTERS} characters in all, no control characters"
        )
    return tuple(text.split())


def sort_of(text: str) -> Any:  # noqa: ANN401 — a Sort; parsers give any value
    """An order by its name."""
    if text not in SORTS:
        raise Refused(f"must be one of {', '.join(SORTS)}")
    return SORTS[text]


_EQUALITIES: Final[Mapping[str, str]] = {
    wire_name(name): name for name in ("listing_key", *EQUALITIES)
}
PARSERS: Final[Mapping[str, Parser]] = {
    **dict.fromkeys(_EQUALITIES, partial(several, longest=50, most=MAX_VALUES)),
    "ListingKey": partial(several, longest=MAX_KEY_CHARACTERS, most=MAX_KEYS),
    "StandardStatus": partial(lookups, lookup="StandardStatus"),
    "PropertyType": partial(lookups, lookup="PropertyType"),
    **{f"{name}.{end}": decimal for name in ("ListPrice", *_AREA_RANGES) for end in _ENDS},
    **{f"{name}.{end}": whole for name in _WHOLE_RANGES for end in _ENDS},
    "AreaUnits": area_units,
    "near": near,
    "radius_km": radius,
    "q": words,
    "sort": sort_of,
    LIMIT: limit_parser(MAX_LIMIT),
    CURSOR: cursor_parser,
}
