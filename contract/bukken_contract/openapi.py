"""The public contract as partners get it: one OpenAPI document, and the same as a page.

Both files are made from the code of both sides before a release (`python -m openapi`), so that a
service reads bytes and needs nothing of the other side to describe it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from bukken_contract.paths import OPENAPI, OPENAPI_PAGE

_TYPES: Final[Mapping[str, str]] = {
    OPENAPI: "application/json",
    OPENAPI_PAGE: "text/html; charset=utf-8",
}


@dataclass(frozen=True, kw_only=True)
class Description:
    """One of the two files, as it is answered."""

    path: str
    content: bytes
    headers: Mapping[str, str]


@cache
def descriptions() -> tuple[Description, ...]:
    """The document and its page, read once."""
    return tuple(
        Description(
            path=path,
            content=files("bukken_contract").joinpath(path.rpartition("/")[2]).read_bytes(),
            headers={
                "Content-Type": content_type,
                # The same for everybody, and for as long as a release is running.
                "Cache-Control": "public, max-age=300",
                # A page on the host that takes tokens: it runs no script, whatever is in its text.
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "X-Content-Type-Options": "nosniff",
            },
        )
        for path, content_type in _TYPES.items()
    )
