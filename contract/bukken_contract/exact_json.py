"""JSON whose numbers stay exact and whose faults are named (RFC 8259).

The standard parser is lenient where money must not be: it turns 12345678901234567.89 into a
float, takes NaN, and lets the last of two equal keys win.
"""

import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from bukken_contract.problems import MalformedRequest

# A number of more digits fits no field of ours; Python's own parser of integers would raise
# at 4,300 digits, and comparing a huge exponent could cost seconds.
_MAX_NUMBER_CHARACTERS: Final = 40
_MAX_EXPONENT: Final = 400


def parse(body: bytes) -> Any:  # noqa: ANN401 — JSON is any of its types
    """The value in `body`: integers as int, all other numbers as Decimal.

    Raises:
        MalformedRequest: says what is wrong and where.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        raise MalformedRequest("the body begins with a byte order mark; JSON has none (RFC 8259)")
    try:
        return json.loads(
            body.decode(),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_duplicates,
        )
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"the body is not UTF-8: byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedRequest(f"the body is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise MalformedRequest("the body is nested too deeply") from None


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_CHARACTERS:
        raise MalformedRequest(f"a number has {len(text)} characters: no field takes that")
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= _MAX_NUMBER_CHARACTERS else None
    except InvalidOperation:  # the exponent alone has more digits than a machine word
        number = None
    if number is None or abs(number.adjusted()) > _MAX_EXPONENT:
        raise MalformedRequest("a number is too long or its exponent too large: no field takes it")
    return number


def _refuse_constant(name: str) -> None:
    raise MalformedRequest(f"{name} is not JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise MalformedRequest(f"the member {twice[:100]!r} stands twice in one object")
    return members


def _plain(number: Decimal) -> Decimal:
    """35000000.00 → 35000000: numeric(14,2) pads what nobody wrote."""
    whole = number.to_integral_value()
    return whole if whole == number else number.normalize()


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def encode(value: object) -> bytes:
    """`value` as JSON bytes; Decimals as exact numbers, datetimes as RFC 3339."""
    return _ENCODER.encode(value)


def plain_members(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """The members that have a value, their Decimals without padding."""
    return {
        name: _plain(value) if isinstance(value, Decimal) else value
        for name, value in pairs
        if value is not None
    }
