"""What a request asks, read strictly: what is not understood is refused and named."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from werkzeug.datastructures import MultiDict

from bukken_contract.listing import Fault
from bukken_contract.problems import Invalid
from query_api.cursors import MalformedCursor, Position, position_of

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200

_PARAMETERS: Final = ("limit", "cursor")
_LIMIT: Final = re.compile(r"[1-9][0-9]{0,2}")


class PageAsked(NamedTuple):
    """How many rows a page shall have, and after which one it begins."""

    limit: int
    after: Position | None


def sent_path(environ: Mapping[str, Any]) -> str:
    """The path as it was sent, still percent-encoded, without the query string.

    Why not PATH_INFO? It is decoded: a slash within a key and one between segments look the same
    there, and bytes that are not UTF-8 become U+FFFD.
    """
    uri: str = environ.get("RAW_URI", "")
    if uri.startswith("/") and uri.isascii():
        return uri.partition("?")[0]
    # Another WSGI server, or a target in absolute form. PEP 3333: bytes disguised as latin-1.
    return quote(environ["PATH_INFO"].encode("latin-1"))


def page_asked(parameters: MultiDict[str, str]) -> PageAsked:
    """The page a query string asks for.

    Raises:
        Invalid: names each parameter that is unknown, repeated or malformed.
    """
    faults = [Fault(n[:100], why) for n, v in parameters.lists() if (why := _refusal(n, v))]
    if faults:
        raise Invalid("the query string is not understood", faults=faults)
    cursor = parameters.get("cursor")
    limit = int(parameters.get("limit", DEFAULT_LIMIT))
    return PageAsked(limit, position_of(cursor) if cursor is not None else None)


def _refusal(name: str, values: list[str]) -> str | None:
    if name not in _PARAMETERS:
        return f"is no parameter of this call; it takes {' and '.join(_PARAMETERS)}"
    if len(values) > 1:
        return "stands more than once"
    return _refused_limit(values[0]) if name == "limit" else _refused_cursor(values[0])


def _refused_limit(text: str) -> str | None:
    if _LIMIT.fullmatch(text) and int(text) <= MAX_LIMIT:
        return None
    return f"must be a whole number from 1 to {MAX_LIMIT}"


def _refused_cursor(text: str) -> str | None:
    try:
        position_of(text)
    except MalformedCursor:
        return "is no cursor of this service; begin again without it, then follow nextLink"
    return None
