"""Strong entity tags: a listing's version and the revision of how it is written (RFC 9110 § 8.8).

The revision is counted up when the same version comes to be written in other bytes, so that a
cache asks again; `If-Match` compares the version part alone, since a writer cares for content.
"""

import re
from typing import Final

from bukken_contract.problems import MalformedRequest

REPRESENTATION_REVISION: Final = 1

_ETAG: Final = re.compile(r'"([1-9][0-9]{0,17})-[0-9]{1,4}"')


def etag(version: int) -> str:
    """The `ETag` of this version, quotes included."""
    return f'"{version}-{REPRESENTATION_REVISION}"'


ANY: Final = "*"


def matched_version(if_match: str) -> int | str:
    """The version an `If-Match` names, or `ANY`.

    Raises:
        MalformedRequest: weak, malformed, or more than one. A list is legal HTTP, but a writer
            that does not know which version it saw has nothing to base its write on.
    """
    value = if_match.strip()
    if value == ANY:
        return ANY
    if value.startswith("W/"):
        raise MalformedRequest("If-Match needs a strong ETag: a weak one never matches")
    if (found := _ETAG.fullmatch(value)) is None:
        raise MalformedRequest('If-Match must be one ETag as this service gave it ("7-1") or *')
    return int(found[1])


def names_current(if_none_match: str, *, version: int) -> bool:
    """Whether a reader's `If-None-Match` holds the current tag (weak comparison, RFC 9110)."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return ANY in tags or etag(version) in tags
