"""Which side serves which method of which path: the one table behind every `Allow`."""

import re
from typing import Final, NamedTuple

from bukken_contract.problems import MethodNotAllowed, NotFound, Problem


class Path(NamedTuple):
    """A path, the methods each side serves there, and whether they are served without a token."""

    template: str
    query: tuple[str, ...]
    command: tuple[str, ...]
    is_public: bool = False

    @property
    def allow(self) -> str:
        """The `Allow` header: both sides' methods, since the client sees one URL."""
        return ", ".join(dict.fromkeys(self.query + self.command))


# Described by both sides alike, for whoever stands before one of them alone.
OPENAPI: Final = "/v1/openapi.json"
OPENAPI_PAGE: Final = "/v1/openapi.html"

PATHS: Final = (
    Path("/v1/listings", query=("GET", "HEAD"), command=()),
    Path("/v1/listing-keys", query=("GET", "HEAD"), command=()),
    Path("/v1/changes", query=("GET", "HEAD"), command=()),
    Path("/v1/exports/listings", query=("GET", "HEAD"), command=()),
    Path("/v1/listings/{ListingKey}", query=("GET", "HEAD"), command=("PUT", "PATCH", "DELETE")),
    Path("/v1/batches/listings", query=(), command=("POST",)),
    Path("/v1/inquiries", query=("GET", "HEAD"), command=("POST",)),
    Path("/v1/inquiries/{InquiryKey}", query=("GET", "HEAD"), command=("DELETE",)),
    *(
        Path(name, query=("GET", "HEAD"), command=("GET", "HEAD"), is_public=True)
        for name in (OPENAPI, OPENAPI_PAGE)
    ),
)

_PATTERNS: Final = tuple(
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", path.template)), path) for path in PATHS
)


def problem_of_unserved(path: str, *, method: str) -> Problem:
    """Why nobody here answers this: the method is another's (405), or there is no such path (404).

    Args:
        path: as sent, percent-encoded, without the query string.
        method: as sent.
    """
    for pattern, served in _PATTERNS:
        if pattern.fullmatch(path):
            return MethodNotAllowed(
                f"{method} is not served here; {served.template} takes {served.allow}",
                headers={"Allow": served.allow},
            )
    return NotFound(f"there is no such path; {OPENAPI} has all there are")
