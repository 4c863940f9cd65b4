"""The page of costs is what the templates, the places and the prices say."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from infra.costs import bill, page
from infra.costs.__main__ import of_every_size
from infra.costs.bill import Bill

PAGE = Path(__file__).parents[2] / "docs/operating/costs.md"
# Stacks of which nothing is billed: rights, and what costs by use that is too little to show.
FREE = {"addons", "addons-of-nodes", "controllers", "node-images", "notices", "workloads"}


@pytest.fixture(scope="module")
def bills() -> list[Bill]:
    """One of each size."""
    return of_every_size()


def test_the_page_is_the_one_that_was_written(bills: list[Bill]) -> None:
    """A key more, or another price: `make costs` writes it anew."""
    assert PAGE.read_text() == page.text(bills, prices=bill.prices())


def test_the_picture_is_the_one_that_was_drawn(bills: list[Bill], tmp_path: Path) -> None:
    """Byte by byte."""
    page.draw(bills, to=tmp_path / "costs.svg")

    assert (tmp_path / "costs.svg").read_bytes() == PAGE.with_suffix(".svg").read_bytes()


def test_each_stack_is_on_the_bill(bills: list[Bill]) -> None:
    """Or is known to cost nothing."""
    billed = {line.stack for each in bills for line in each.lines()}

    assert billed | FREE == bills[0].templates.keys()
    assert billed & FREE == set()


def test_each_price_is_used_dated_and_has_its_source(bills: list[Bill]) -> None:
    """A price that nobody pays misleads; one without a source cannot be looked at again."""
    known = bill.prices()
    used = {line.price for each in bills for line in each.lines()}

    assert used == known["prices"].keys()
    assert isinstance(known["asOf"], date)
    assert {each["source"] for each in known["prices"].values()} <= {"read", "remembered"}
    assert all(
        "://" in each["note"] for each in known["prices"].values() if each["source"] == "read"
    )


def test_a_larger_size_costs_more(bills: list[Bill]) -> None:
    """From staging to the maximum."""
    totals = [each.total() for each in bills]

    assert totals == sorted(totals)


def test_what_is_switched_off_is_off_the_bill(bills: list[Bill]) -> None:
    """Each of the page's switches saves something."""
    production = bills[1]
    for change, _ in page.SWITCHES.values():
        place = production.size.place
        less = replace(place, values={**place.values, **change})
        assert (
            replace(production, size=replace(production.size, place=less)).total()
            < production.total()
        )
