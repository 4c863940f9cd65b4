"""From JSON members to a `Listing`, or every fault in them at once, each in words."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bukken_contract.listing import (
    SET_BY_THE_EXCHANGE,
    Fault,
    Listing,
    faults_between_fields,
    wire_name,
)
from bukken_contract.problems import Invalid
from command_api.listing_model import checked_listing

LISTING_KEY: Final = "ListingKey"

# A body full of nonsense has tens of thousands of faults; nobody reads more than these.
_MOST_FAULTS: Final = 100

# By Pydantic's type of error. Its own messages speak of Python ("an instance of Decimal").
_WORDS: Final[Mapping[str, str]] = {
    "bool_type": "must be true or false",
    "date_type": "must be a date that exists, as YYYY-MM-DD",
    "decimal_max_places": "has more than {decimal_places} decimal places; nothing is rounded",
    "extra_forbidden": "is no field of ours",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "is_instance_of": "must be a number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "missing": "is required",
    "model_type": "must be an object",
    "string_too_long": "has more than {max_length} characters",
    "string_too_short": "has fewer than {min_length} characters",
    "string_type": "must be a string",
    "string_unicode": "holds half of a surrogate pair, which is no character",
    "too_long": "has more than {max_length} items",
    "tuple_type": "must be an array",
    "value_error": "{error}",
}
# Never seen (test_validation.py); a new release of Pydantic must not turn a fault into a 500.
_NO_WORDS: Final = "is not valid"
_OTHER_KEY: Final = Fault(LISTING_KEY, "is not the key in the URL")
_SET_BY_THE_EXCHANGE: Final = frozenset(map(wire_name, SET_BY_THE_EXCHANGE))


def listing_of(members: Mapping[str, Any], *, key: str) -> Listing:
    """The listing these members describe.

    Args:
        members: of the body, or of a stored listing with a patch applied.
        key: the one in the URL; the members may repeat it.

    Raises:
        Invalid: names every member that breaks a rule.
    """
    own = {name: value for name, value in members.items() if name != LISTING_KEY}
    faults = [] if members.get(LISTING_KEY) in (None, key) else [_OTHER_KEY]
    try:
        listing = checked_listing(own)
    except ValidationError as error:
        raise invalid(faults + faults_of(error)) from None
    if faults := faults + faults_between_fields(listing):
        raise invalid(faults)
    return listing


def invalid(faults: list[Fault], *, what: str = "listing") -> Invalid:
    """The refusal that names these faults."""
    return Invalid(f"{len(faults)} fault(s) in the {what}", faults=faults[:_MOST_FAULTS])


def faults_of(error: ValidationError) -> list[Fault]:
    """Pydantic's faults in our words, which quote no value."""
    found = error.errors(include_url=False, include_input=False)
    return [Fault(".".join(map(str, fault["loc"])), _in_words(fault)) for fault in found]


def _in_words(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden" and fault["loc"][0] in _SET_BY_THE_EXCHANGE:
        return "is set by the exchange; leave it out"
    return _WORDS.get(fault["type"], _NO_WORDS).format(**fault.get("ctx", {}))
