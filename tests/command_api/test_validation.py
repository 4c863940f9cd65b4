from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bukken_contract import exact_json
from bukken_contract.listing import LISTING_FIELDS, Listing, MediaItem, wire_name
from bukken_contract.problems import Invalid
from command_api.members import members_of
from command_api.validation import listing_of

REQUIRED = {"StandardStatus": "Active", "PropertyType": "Residential"}

# What JSON can hold, as exact_json gives it.
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**39,
    -(10**39),
    Decimal("1E+400"),
    Decimal("1E-400"),
    Decimal("-0.0"),
    Decimal("12345678901234567.89"),
    Decimal("0.5"),
    "",
    "a",
    "5",
    "\x00",
    "\n",
    "\ud800",
    "𠮷" * 5_000,
    "{bounds}",
    "2021-02-31",
    "2021-02-28",
    [],
    [[]],
    [None],
    [{}],
    [1, "a", "\udfff"],
    ["x"] * 200,
    {},
    {"a": {}},
    {"\ud800": 1},
    {"MediaURL": 5, "Order": Decimal("1E+400"), "MediaCategory": []},
    [{"MediaURL": "\ud800", "ShortDescription": "\x00", "Order": True, "\udc00": None}],
    [{"MediaURL": "https://u", "Order": Decimal("3.0")}] * 101,
)


def verdict(members: dict[str, Any]) -> Listing | Invalid:
    """What becomes of these members."""
    try:
        return listing_of(members, key="k")
    except Invalid as problem:
        return problem


@pytest.mark.parametrize("name", [wire_name(name) for name in LISTING_FIELDS])
def test_each_value_is_taken_or_refused_in_our_words(name: str) -> None:
    """Whatever JSON holds, a field takes it, or its fault has words and can be sent."""
    verdicts = [verdict({**REQUIRED, name: value}) for value in VALUES]

    told = [exact_json.encode(v.body(request_id="")) for v in verdicts if isinstance(v, Invalid)]
    taken = [v for v in verdicts if isinstance(v, Listing)]
    assert all(b'"errors":[{' in body and b"is not valid" not in body for body in told)
    assert taken == [verdict(members_of(listing)) for listing in taken]


def test_values_come_out_as_the_type_declared() -> None:
    """What JSON has no type for is brought to it: dates, exact numbers, tuples, items of media."""
    listing = listing_of(
        REQUIRED
        | {"ListPrice": 5, "Currency": "JPY", "Stories": Decimal("2.0"), "Levels": ["One"]}
        | {"CloseDate": "2021-02-28", "Media": [{"MediaURL": "https://u", "Order": None}]},
        key="k",
    )

    assert listing == Listing(
        standard_status="Active",
        property_type="Residential",
        list_price=Decimal(5),
        currency="JPY",
        stories=2,
        levels=("One",),
        close_date=date(2021, 2, 28),
        media=(MediaItem(media_url="https://u"),),
    )
    assert (type(listing.list_price), type(listing.stories)) == (Decimal, int)


def test_the_edge_knows_each_field_of_the_contract() -> None:
    """A field added to the contract is taken here without another word."""
    members = {wire_name(field.name): None for field in fields(Listing)} | REQUIRED

    assert members_of(listing_of(members, key="k")) == REQUIRED


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (Decimal("1.001"), "has more than 2 decimal places; nothing is rounded"),
        (-1, "must be at least 0"),
        (10**13, "must be at most 999999999999.99"),
        ("1", "must be a number"),
    ],
)
def test_a_fault_says_what_to_do(value: object, detail: str) -> None:
    """The words of a fault are for the one who sends listings."""
    with pytest.raises(Invalid) as raised:
        listing_of({**REQUIRED, "Currency": "JPY", "ListPrice": value}, key="k")

    assert [(fault.field, fault.detail) for fault in raised.value.faults] == [("ListPrice", detail)]


@pytest.mark.parametrize("name", ["Version", "ModificationTimestamp", "OriginalEntryTimestamp"])
def test_what_the_exchange_sets_is_not_taken(name: str) -> None:
    """A field that is ours to set is refused with the remedy."""
    with pytest.raises(Invalid) as raised:
        listing_of({**REQUIRED, name: 1}, key="k")

    assert raised.value.faults[0].detail == "is set by the exchange; leave it out"
