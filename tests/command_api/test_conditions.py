import pytest
from starlette.datastructures import Headers

from bukken_contract.problems import MalformedRequest
from command_api.conditions import (
    Conditions,
    conditions_of,
    source_base_version_of,
    source_version_of,
)


def headers(*pairs: tuple[str, str]) -> Headers:
    """Headers as they come in, repeated ones too."""
    return Headers(raw=[(name.lower().encode(), value.encode("latin-1")) for name, value in pairs])


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("007", 7), (" 5 ", 5), ("9223372036854775807", 2**63 - 1)]
)
def test_a_source_version_is_an_int64(text: str, number: int) -> None:
    """Plain decimal digits from 0 to the largest int64 are a Source-Version."""
    assert source_version_of(headers(("Source-Version", text))) == number


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1.0", "1e3", "0x1", "1_000", "１", "²", "9223372036854775808", "1" * 5000],
)
def test_no_other_text_is_a_source_version(text: str) -> None:
    """Anything else is 400, and the header is named."""
    for wire in {text.encode(), text.encode("latin-1", errors="ignore")}:
        with pytest.raises(MalformedRequest, match="Source-Version"):
            source_version_of(Headers(raw=[(b"source-version", wire)]))


@pytest.mark.parametrize(
    "name", ["If-Match", "If-None-Match", "Source-Version", "Source-Base-Version"]
)
def test_a_repeated_header_is_refused(name: str) -> None:
    """Two values leave open which one counts: 400, and the header is named."""
    twice = headers((name, "*"), (name, "*"))

    with pytest.raises(MalformedRequest, match=f"{name} stands more than once"):
        (conditions_of if name.startswith("If") else _source)(twice)


def _source(given: Headers) -> None:
    source_version_of(given)
    source_base_version_of(given, below=None)


@pytest.mark.parametrize("tag", ['W/"1-1"', '"1-1", "2-1"', "1-1", '"abc"', '""', '"0-1"', ""])
def test_an_if_match_of_another_form_is_refused(tag: str) -> None:
    """Weak, malformed or several tags in If-Match are 400."""
    with pytest.raises(MalformedRequest):
        conditions_of(headers(("If-Match", tag)))


@pytest.mark.parametrize("tag", ['"1-1"', 'W/"1-1"', "", "**"])
def test_if_none_match_is_a_star(tag: str) -> None:
    """A write knows If-None-Match: * and no other."""
    with pytest.raises(MalformedRequest, match="If-None-Match"):
        conditions_of(headers(("If-None-Match", tag)))


@pytest.mark.parametrize("base", ["6", "7"])
def test_a_message_is_newer_than_its_base(base: str) -> None:
    """A Source-Version that is not above the Source-Base-Version is 400."""
    with pytest.raises(MalformedRequest, match="above"):
        source_base_version_of(headers(("Source-Base-Version", base)), below=6)


def test_no_condition_holds_always() -> None:
    """Without headers there is nothing to fail."""
    none = conditions_of(headers())

    assert none == Conditions()
    none.check(None)
    none.check(7)
