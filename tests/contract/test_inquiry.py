import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints
from uuid import uuid4

import pytest
from annotated_types import MaxLen
from uuid_utils import uuid7

from bukken_contract.inquiry import (
    INQUIRY_EXTENSIONS,
    Inquiry,
    client_of,
    is_inquiry_key,
    seconds_since_accepted,
)
from bukken_contract.listing import wire_name
from bukken_contract.problems import Unauthenticated

PAGE = Path(__file__).parents[2] / "docs" / "inquiries.md"
ONE = Inquiry(listing_key="a", full_name="Himitsu", email="himitsu@example.com", message="himitsu")


def row_of(name: str) -> str:
    """The page's row about a field."""
    mark = " †" if name in INQUIRY_EXTENSIONS else ""
    begin = f"| `{wire_name(name)}`{mark} | "
    rows = [row for row in PAGE.read_text("utf-8").splitlines() if row.startswith(begin)]
    assert len(rows) == 1, begin
    return rows[0]


@pytest.mark.parametrize("name", [field.name for field in fields(Inquiry)])
def test_the_page_has_each_field(name: str) -> None:
    """Ours are marked, since they are not RESO's."""
    assert row_of(name)


@pytest.mark.parametrize("name", ["full_name", "email", "message"])
def test_the_page_has_its_bound(name: str) -> None:
    """As the annotation has it."""
    hint = get_type_hints(Inquiry, include_extras=True)[name]
    parts = (hint, *get_args(hint))
    bounds = [b for part in parts for b in getattr(part, "__metadata__", ())]
    (most,) = {bound.max_length for bound in bounds if isinstance(bound, MaxLen)}

    assert f"at most {most:,}" in row_of(name)


def test_an_inquiry_shows_nothing_of_itself() -> None:
    """Whoever logs one by mistake logs nobody."""
    assert "imitsu" not in f"{ONE!r} {ONE}"


def test_a_key_says_how_old_it_is() -> None:
    """To the millisecond, by the clock of who made it."""
    now = time.time()
    key = str(uuid7(nanoseconds=int((now - 61) * 1_000_000_000)))

    assert seconds_since_accepted(key, now=now) == pytest.approx(61, abs=0.01)


@pytest.mark.parametrize("make", [uuid7, uuid4])
def test_a_key_has_one_form(make: Callable[[], object]) -> None:
    """Another spelling is no key: there is one inquiry at one path."""
    key = str(make())
    others = (key.upper(), key.replace("-", ""), f"{key}\n", "", "a")

    assert is_inquiry_key(key)
    assert [other for other in others if is_inquiry_key(other)] == []


@pytest.mark.parametrize("header", [None, ""])
def test_without_a_sidecar_there_is_no_client(header: str | None) -> None:
    """401, as RFC 9110 wants it: with a challenge."""
    with pytest.raises(Unauthenticated) as raised:
        client_of(header)

    assert raised.value.headers["WWW-Authenticate"].startswith("Bearer")
