from typing import Any, Literal

import pytest

from bukken_contract.problems import (
    Conflict,
    LateSourceVersion,
    SendWholeListing,
    SourceVersionConflict,
)
from command_api.source_guard import Message, is_taken_in, message_of

LAST = Message(5, b"last")


@pytest.mark.parametrize(
    ("message", "changes_nothing", "base", "expected"),
    [
        (Message(), False, None, False),
        (Message(), True, None, False),
        (Message(6, b"new"), False, None, False),
        (Message(6, b"new"), True, None, False),
        (Message(5, b"last"), False, None, True),
        (Message(5, b"new"), True, None, True),
        (Message(5, b"new"), False, None, SourceVersionConflict),
        (Message(4, b"old"), False, None, LateSourceVersion),
        (Message(4, b"old"), True, None, LateSourceVersion),
        (Message(6, b"new"), False, 5, False),
        (Message(7, b"new"), False, 4, SendWholeListing),
        (Message(4, b"old"), False, 3, SendWholeListing),
        (Message(5, b"last"), False, 4, True),
        (Message(), False, 4, SendWholeListing),
        (Message(), False, 5, False),
    ],
)
def test_the_table(
    message: Message,
    changes_nothing: bool,  # noqa: FBT001 — a parameter of the test
    base: int | None,
    expected: bool | type[Conflict],  # noqa: FBT001 — the same
) -> None:
    """Each case of the guard's table comes out as it says."""
    try:
        came: object = is_taken_in(message, last=LAST, changes_nothing=changes_nothing, base=base)
    except Conflict as problem:
        came = type(problem)

    assert came == expected


@pytest.mark.parametrize("number", [0, 5, 2**63 - 1])
def test_the_first_number_is_newer_than_none(number: int) -> None:
    """A listing without a number takes any."""
    assert not is_taken_in(Message(number, b"first"), last=Message(), changes_nothing=False)


def test_a_patch_has_no_base_where_no_number_is_stored() -> None:
    """A Source-Base-Version fits no listing that came without a number."""
    with pytest.raises(SendWholeListing):
        is_taken_in(Message(6, b"new"), last=Message(), changes_nothing=False, base=5)


def test_a_message_is_the_same_in_any_order_of_its_members() -> None:
    """The order of members means nothing in JSON."""
    one = message_of("PUT", {"a": 1, "b": [{"c": None, "d": "\ud800"}]}, version=7)
    other = message_of("PUT", {"b": [{"d": "\ud800", "c": None}], "a": 1}, version=7)

    assert one == other


@pytest.mark.parametrize(
    ("kind", "content"), [("PATCH", {"a": 1}), ("PUT", {"a": "1"}), ("PUT", {"a": [1]})]
)
def test_other_messages_are_others(
    kind: Literal["PUT", "PATCH", "DELETE"], content: dict[str, Any]
) -> None:
    """Another kind, or another content, is another message."""
    assert message_of(kind, content, version=7) != message_of("PUT", {"a": 1}, version=7)


def test_an_unguarded_message_is_not_remembered() -> None:
    """A message without a number has nothing it could be known by again."""
    assert message_of("DELETE", {}, version=None) == Message()
