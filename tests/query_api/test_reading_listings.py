"""The partners' page says what is so."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from query_api.search import SORTS
from query_api.search_parameters import PARSERS

PAGE = (Path(__file__).parents[2] / "docs" / "reading-listings.md").read_text(encoding="utf-8")
ASKED = re.findall(r"^GET (/\S+)$", PAGE, re.MULTILINE)


@pytest.mark.usefixtures("put")
@pytest.mark.parametrize("link", ASKED)
def test_each_line_of_the_page_is_answered(client: FlaskClient, link: str) -> None:
    """Whoever pastes one gets listings, or none, and no refusal."""
    assert client.get(link).status_code == 200


def test_the_page_names_every_parameter_and_no_other() -> None:
    """One that is not documented does not exist for a partner."""
    table = PAGE.partition("| parameter | finds |")[2].partition("\n\n")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:]]

    named = re.findall("`([^`]+)`", " ".join(first_cells))

    assert len(ASKED) > 5
    assert sorted(named) == sorted(PARSERS)


def test_the_page_names_every_sort() -> None:
    """With and without the minus."""
    order = PAGE.partition("**Order.**")[2].partition("\n\n")[0]

    assert {sort.removeprefix("-") for sort in SORTS} <= set(re.findall("`-?(\\w+)`", order))
