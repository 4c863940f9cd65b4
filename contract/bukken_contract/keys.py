"""What a `ListingKey` may be, and how it is read from a URL (architecture § 3, Keys)."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

from bukken_contract.problems import InvalidListingKey, MalformedRequest

MAX_KEY_CHARACTERS: Final = 255
_HALF_ESCAPED: Final = re.compile("%(?![0-9A-Fa-f]{2})")


def listing_key_of(segment: str) -> str:
    """The key in one percent-encoded path segment.

    Raises:
        MalformedRequest: the bytes are no UTF-8, or a `%` begins no escape. Frameworks replace such
            bytes by U+FFFD and leave such a `%` as it is, and two keys would become one.
        InvalidListingKey: the text is no key.
    """
    if _HALF_ESCAPED.search(segment):
        raise MalformedRequest("a % in a ListingKey is sent as %25")
    try:
        key = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise MalformedRequest("the ListingKey in the URL is not valid UTF-8") from None
    return checked_listing_key(key)


def checked_listing_key(key: str) -> str:
    """The key itself when it is one.

    Raises:
        InvalidListingKey: says which rule it breaks.
    """
    for broken, rule in _rules(key):
        if broken:
            raise InvalidListingKey(f"a ListingKey {rule}")
    return key


def _rules(key: str) -> tuple[tuple[bool, str], ...]:
    return (
        (not key, "has at least 1 character"),
        (len(key) > MAX_KEY_CHARACTERS, f"has at most {MAX_KEY_CHARACTERS} characters"),
        # Envoy refuses %5C with %2F: some servers behind it would take one for the other.
        (not {"/", "\\"}.isdisjoint(key), "has no slash and no backslash"),
        (key in {".", ".."}, "is not . or .., which a URL takes for a folder"),
        (any(unicodedata.category(c) == "Cc" for c in key), "has no control character"),
        # JSON can write one ("\ud800"); no URL and no database can.
        (any(unicodedata.category(c) == "Cs" for c in key), "has no half of a surrogate pair"),
        (not unicodedata.is_normalized("NFC", key), "is in Unicode's normal form NFC"),
    )
