import time
from decimal import Decimal

import pytest

from bukken_contract.exact_json import encode, parse, plain_members
from bukken_contract.problems import MalformedRequest


@pytest.mark.parametrize("number", ["12345678901234567.89", "0.1", "1.10", "-0.05"])
def test_numbers_keep_every_digit(number: str) -> None:
    """Money is never a float: what is read is what was written."""
    assert str(parse(f'{{"n": {number}}}'.encode())["n"]) == number


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1,}', "not JSON"),
        (b"NaN", "NaN"),
        (b'{"a": [Infinity]}', "Infinity"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' stands twice"),
        (b'{"x": {"a": 1, "a": 1}}', "'a' stands twice"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a": "\xff"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b"1" * 5_000, "5000 characters"),
        (b'{"a": 1e999999999}', "exponent"),
        (b'{"a": 1e9999999999999999999}', "exponent"),
        (b'{"a": 1.' + b"1" * 100 + b"}", "too long"),
    ],
)
def test_what_is_not_json_is_refused_by_name(body: bytes, said: str) -> None:
    """Each fault of a body is answered with what is wrong, never with a 500."""
    with pytest.raises(MalformedRequest) as refused:
        parse(body)

    assert said in refused.value.detail


def test_a_long_name_is_quoted_in_part() -> None:
    """The answer to a body is never as long as the body."""
    with pytest.raises(MalformedRequest) as refused:
        parse(b'{"%b": 1, "%b": 2}' % (b"a" * 5000, b"a" * 5000))

    assert len(refused.value.detail) < 200


def test_a_body_of_many_names_is_refused_in_a_moment() -> None:
    """Looking for the doubled name takes one pass: 28,000 names once stopped a service for 5 s."""
    names = ",".join(f'"{n:x}":1' for n in range(28_000))
    began = time.process_time()
    with pytest.raises(MalformedRequest, match="'6d5f' stands twice"):
        parse(f'{{{names},"6d5f":1}}'.encode())

    assert time.process_time() - began < 1


def test_prices_are_written_without_padding() -> None:
    """numeric(14,2) pads 35000000 to 35000000.00; nobody wrote that."""
    members = plain_members(
        [("a", Decimal("35000000.00")), ("b", Decimal("1.50")), ("c", None), ("d", Decimal("0.00"))]
    )

    assert encode(members) == b'{"a":35000000,"b":1.5,"d":0}'
