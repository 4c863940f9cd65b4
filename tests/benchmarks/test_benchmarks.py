import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import LINES
from benchmarks.figures import SMALL, Figure
from benchmarks.grown import COLUMNS, Growth, real_listings
from benchmarks.searches import every_search, target
from bukken_local.processes.binaries import checkout
from query_api.search_parameters import search_parameters

BARRED = {"at_least", "at_most"}


@pytest.mark.timeout(220)
def test_every_line_but_the_start_can_be_measured(tmp_path: Path) -> None:
    """On some listings, without a look at the figures: they are for a machine that is quiet."""
    lines = (*LINES, "inquiries")
    asked = [f"--only={line}" for line in lines]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--small", f"--to={tmp_path}", *asked],
        cwd=checkout(),
        env={**os.environ, "BUKKEN_DATA": ""},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "benchmarks" / "results.json").read_text())
    assert all({"name", "ratio", "raw", "machine"} <= result.keys() for result in results)
    assert all(len(BARRED & result.keys()) == 1 for result in results)
    assert "figures.svg" in (tmp_path / "docs" / "figures.md").read_text()


def test_a_listing_is_the_same_whenever_it_is_grown() -> None:
    """What is sent in a batch and what is copied can be compared."""
    real = real_listings()
    one, other = Growth(real, prefix="x"), Growth(real, prefix="x")

    assert one.message(7) == other.message(7)
    assert one.copied(7) == other.copied(7)
    assert len(one.copied(7).split("\t")) == len(COLUMNS)


def test_every_search_that_is_measured_is_one_that_is_accepted() -> None:
    """A refusal for its form would be counted as a quick answer."""
    for query in every_search(most=10_000):
        search_parameters(target(query).partition("?")[2].encode())


def test_a_figure_is_met_on_its_own_side_of_the_bar() -> None:
    """More is better for some, less for others."""
    assert Figure(name="rate", ratio=0.6, at_least=0.6).is_met
    assert not Figure(name="wait", ratio=201, at_most=200).is_met
    assert SMALL.listings < 10_000
