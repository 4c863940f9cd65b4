"""What a request asks, read strictly: what is not understood is refused and named."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlencode

from bukken_contract.listing import Fault
from bukken_contract.problems import Invalid
from query_api.cursors import Cursor, MalformedCursor, taken_apart

LIMIT: Final = "limit"
CURSOR: Final = "cursor"

Parser = Callable[[str], Any]

_NOT_UNDERSTOOD: Final = "the query string is not understood"
_LONGEST_NAME: Final = 100


class Refused(ValueError):
    """A value that its parameter does not take; the text goes on from the parameter's name."""


class Parameters(NamedTuple):
    """A query string read: each parameter once, its text and its value."""

    texts: Mapping[str, str]
    values: Mapping[str, Any]

    def beside(self, *names: str) -> dict[str, str]:
        """The texts of all others, in the order given."""
        return {name: text for name, text in self.texts.items() if name not in names}

    def next_link(self, path: str, *, cursor: str, limit: int) -> str:
        """The same call, one page on."""
        given = self.beside(LIMIT, CURSOR) | {LIMIT: str(limit), CURSOR: cursor}
        return f"{path}?{urlencode(given, safe=',', quote_via=quote)}"

    def walk(self, path: str) -> str:
        """What a cursor is bound to: the call and what it asks, in whatever order it was said."""
        return "\n".join([path, *sorted(urlencode({n: t}) for n, t in self._asked())])

    def _asked(self) -> Sequence[tuple[str, str]]:
        return list(self.beside(LIMIT, CURSOR).items())


def sent_path(environ: Mapping[str, Any]) -> str:
    """The path as it was sent, still percent-encoded, without the query string.

    Why not PATH_INFO? It is decoded: a slash within a key and one between segments look the same
    there, and bytes that are not UTF-8 become U+FFFD.
    """
    uri: str = environ.get("RAW_URI", "")
    if uri.startswith("/"):
        return uri.partition("?")[0]
    # Another WSGI server, or a target in absolute form. PEP 3333: bytes disguised as latin-1.
    return quote(environ["PATH_INFO"].encode("latin-1"))


def parameters_of(query_string: bytes, *, parsers: Mapping[str, Parser]) -> Parameters:
    """The parameters of a call.

    Raises:
        Invalid: names each one that is unknown, repeated or malformed.
    """
    texts: dict[str, str] = {}
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, text in map(_pair, filter(None, query_string.split(b"&"))):
        try:
            texts[name] = _first(name, text=text, known=texts)
            values[name] = _parser(name, parsers=parsers)(texts[name])
        except Refused as why:
            faults.append(Fault(name[:_LONGEST_NAME], str(why)))
    if faults:
        raise Invalid(_NOT_UNDERSTOOD, faults=_once_each(faults))
    return Parameters(texts, values)


def _pair(given: bytes) -> tuple[str, str | None]:
    """Decoded; a name that is not UTF-8 stays as it was sent, such a text is None."""
    name, _, text = given.replace(b"+", b" ").partition(b"=")
    return _decoded(name) or name.decode("ascii", errors="replace"), _decoded(text)


def _decoded(given: bytes) -> str | None:
    try:
        return unquote_to_bytes(given).decode()
    except UnicodeDecodeError:
        return None


def _first(name: str, *, text: str | None, known: Mapping[str, str]) -> str:
    if name in known:
        raise Refused("stands more than once")
    if text is None:
        raise Refused("is not UTF-8")
    return text


def _parser(name: str, *, parsers: Mapping[str, Parser]) -> Parser:
    if name not in parsers:
        raise Refused(f"is no parameter of this call; it takes {', '.join(parsers)}")
    return parsers[name]


def _once_each(faults: list[Fault]) -> list[Fault]:
    return list({fault.field: fault for fault in faults}.values())


def limit_parser(most: int) -> Parser:
    """A parser of the rows of a page."""
    return partial(page_limit, most=most)


def page_limit(text: str, *, most: int) -> int:
    """The rows of a page.

    Raises:
        Refused: none, or more than there may be.
    """
    if re.fullmatch("[1-9][0-9]{0,4}", text) and int(text) <= most:
        return int(text)
    raise Refused(f"must be a whole number from 1 to {most}")


def cursor_parser(text: str) -> Cursor:
    """A cursor by its looks; whether it is ours, its seal says."""
    try:
        return taken_apart(text)
    except MalformedCursor:
        raise Refused("is no cursor of this service; begin again without it") from None
