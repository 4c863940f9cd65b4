"""A search as it was asked for: in the database's terms, and checked.

Python's types alone, so that what reads requests knows no SQL and what asks knows no request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

DISTANCE: Final = "distance"


class Sort(NamedTuple):
    """By which column, or `DISTANCE`; equal ones follow their keys in the same direction."""

    column: str
    descending: bool


NEWEST: Final = Sort("modification_timestamp", descending=True)

# By the name a client gives. `-` turns the order, as in JSON:API.
SORTS: Final[Mapping[str, Sort]] = {
    "-ModificationTimestamp": NEWEST,
    "ListPrice": Sort("list_price", descending=False),
    "-ListPrice": Sort("list_price", descending=True),
    "LivingArea": Sort("living_square_metres", descending=False),
    "-LivingArea": Sort("living_square_metres", descending=True),
    "LotSizeArea": Sort("lot_square_metres", descending=False),
    "-LotSizeArea": Sort("lot_square_metres", descending=True),
    "BuildingAreaTotal": Sort("building_square_metres", descending=False),
    "-BuildingAreaTotal": Sort("building_square_metres", descending=True),
    "distance": Sort(DISTANCE, descending=False),
}


class Range(NamedTuple):
    """From `least` to `most`, both included; None is open. What is not known is in no range."""

    least: Decimal | int | None
    most: Decimal | int | None


class Circle(NamedTuple):
    """A place on the earth, degrees, and how far around it, metres."""

    latitude: Decimal
    longitude: Decimal
    metres: Decimal


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a listing must be to be found: all of it at once.

    Attributes:
        any_of: by column: it has one of these values.
        ranges: by column: it lies within.
        words: each stands somewhere in its text.
        circle: it lies within, and may be shown.
    """

    any_of: Mapping[str, tuple[str, ...]]
    ranges: Mapping[str, Range]
    words: tuple[str, ...]
    circle: Circle | None
    sort: Sort

    @property
    def walks(self) -> bool:
        """Whether conditions must be looked at along an order that is not theirs."""
        if self.sort is NEWEST:
            return not self.is_one_range
        own = {self.sort.column} | ({"currency"} if self.sort.column == "list_price" else set())
        around = self.circle is not None and self.sort.column != DISTANCE
        return bool({*self.any_of, *self.ranges} - own or self.words or around)

    @property
    def is_one_range(self) -> bool:
        """Whether every page is one range of one index, however many listings there are."""
        values = [value for any_of in self.any_of.values() for value in any_of]
        return self.is_by_values and len(values) <= 1

    @property
    def is_by_values(self) -> bool:
        """Whether the newest of some values are asked for, and nothing else."""
        return self.sort is NEWEST and not (self.ranges or self.words or self.circle)
