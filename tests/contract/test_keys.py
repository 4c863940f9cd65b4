from urllib.parse import quote

import pytest

from bukken_contract.keys import checked_listing_key, listing_key_of
from bukken_contract.problems import InvalidListingKey, MalformedRequest


@pytest.mark.parametrize(
    "key", ["a", "mlit-13-20213_20214-1", "物件-東京-1", "あ" * 255, "...", "a b"]
)
def test_keys_in_any_script_are_taken(key: str) -> None:
    """1–255 characters of any script, Japanese too, come out of a URL as they went in."""
    assert listing_key_of(quote(key, safe="")) == key


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("", "at least 1"),
        ("あ" * 256, "at most 255"),
        ("a/b", "slash"),
        ("a\\b", "backslash"),
        (".", "folder"),
        ("..", "folder"),
        ("a\x00b", "control"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\x85b", "control"),
        ("か\u3099", "NFC"),
    ],
)
def test_what_is_no_key_is_refused_by_its_rule(key: str, rule: str) -> None:
    """The answer says which rule the key breaks."""
    with pytest.raises(InvalidListingKey, match=rule):
        checked_listing_key(key)


@pytest.mark.parametrize("segment", ["%", "50%", "%zz", "%2", "a%2gb"])
def test_a_percent_sign_that_begins_no_escape_is_malformed(segment: str) -> None:
    """`%zz` and `%25zz` never become one key."""
    with pytest.raises(MalformedRequest, match="%25"):
        listing_key_of(segment)


def test_invalid_utf8_is_malformed_not_replaced() -> None:
    """Two broken keys never become one by way of U+FFFD."""
    with pytest.raises(MalformedRequest, match="UTF-8"):
        listing_key_of("a%ffb")
