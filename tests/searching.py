"""Asking a query-api for listings, page by page."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from flask.testing import FlaskClient
from sqlalchemy import Select, func, select

MOST_PAGES = 200  # a walk that turned back would never end


def query_string(**parameters: str) -> str:
    """The parameters as a query string; of a name's `__` is made a dot: ListPrice__ge."""
    named = {name.replace("__", "."): value for name, value in parameters.items()}
    return urlencode(named, quote_via=quote)


def pages(client: FlaskClient, link: str) -> Iterator[list[dict[str, Any]]]:
    """The rows of each page, following nextLink to the end."""
    for _ in range(MOST_PAGES):
        answer = client.get(link)
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        yield page["value"]
        if "nextLink" not in page:
            return
        link = page["nextLink"]
    raise AssertionError(f"not at an end after {MOST_PAGES} pages")


def found(client: FlaskClient, **parameters: str) -> list[str]:
    """The keys a search finds, in its order."""
    link = f"/v1/listings?{query_string(**parameters)}"
    return [listing["ListingKey"] for page in pages(client, link) for listing in page]


def slowly(statement: Select[Any], *, seconds: float) -> Select[Any]:
    """The same, after a while."""
    wait = select(func.pg_sleep(seconds)).scalar_subquery()
    return statement.where(wait.is_not(None))
