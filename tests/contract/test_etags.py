import pytest

from bukken_contract.etags import ANY, etag, matched_version, names_current
from bukken_contract.problems import MalformedRequest


def test_the_version_comes_back_out_of_its_tag() -> None:
    """A writer sends back what a reader was given."""
    assert matched_version(etag(7)) == 7
    assert matched_version(etag(10**18 - 1)) == 10**18 - 1


def test_if_match_compares_the_version_alone() -> None:
    """A new way of writing the same version does not make a writer's base stale."""
    assert matched_version('"7-9999"') == 7


def test_a_star_matches_anything_there() -> None:
    """`If-Match: *` asks only that there is something."""
    assert matched_version("*") == ANY


@pytest.mark.parametrize(
    "value",
    [
        'W/"7-1"',
        '"7-1", "8-1"',
        "7-1",
        '"7"',
        '"0-1"',
        '"-7-1"',
        '""',
        "",
        '"7-1',
        "**",
        f'"{10**18}-1"',
        f'"{"9" * 5000}-1"',  # Python refuses to read an integer of 4,300 digits
    ],
)
def test_weak_malformed_or_several_tags_are_refused(value: str) -> None:
    """A writer that does not name one version exactly has no base to write on."""
    with pytest.raises(MalformedRequest):
        matched_version(value)


@pytest.mark.parametrize(
    ("value", "current"),
    [
        ('"7-1"', True),
        ('W/"7-1"', True),
        ('"1-1", "7-1"', True),
        ("*", True),
        ('"8-1"', False),
        ('"7-0"', False),
    ],
)
def test_a_readers_tags_are_compared_weakly_in_lists(value: str, *, current: bool) -> None:
    """`If-None-Match` follows RFC 9110 § 13.1.2."""
    assert names_current(value, version=7) is current
