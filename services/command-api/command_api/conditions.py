"""What the headers of a request say must hold before it is done (RFC 9110 § 13, and ours)."""

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from bukken_contract.etags import ANY, matched_version
from bukken_contract.problems import MalformedRequest, PreconditionFailed

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
SOURCE_VERSION: Final = "Source-Version"
SOURCE_BASE_VERSION: Final = "Source-Base-Version"

INT64_MAX: Final = 2**63 - 1
_INT64_DIGITS: Final = 19


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The state a command asks for: one version, any, or none at all."""

    if_match: int | str | None = None
    must_be_absent: bool = False

    def check(self, version: int | None) -> None:
        """Passes when the listing is as asked for.

        Args:
            version: the live listing's, or None where there is none: never there, or removed.

        Raises:
            PreconditionFailed: it is not; says how it is.
        """
        if self.must_be_absent and version is not None:
            raise PreconditionFailed(f"If-None-Match: * — the listing is there, version {version}")
        if self.if_match is None or self.if_match == version:
            return
        if version is None:
            raise PreconditionFailed("If-Match — there is no such listing now")
        if self.if_match != ANY:
            raise PreconditionFailed(f"If-Match — the listing is at version {version} now")


def conditions_of(headers: Headers) -> Conditions:
    """The conditions in the headers.

    Raises:
        MalformedRequest: one is repeated, or is of a form a write cannot have.
    """
    if_match, if_none_match = _once(headers, IF_MATCH), _once(headers, IF_NONE_MATCH)
    if if_none_match not in {None, ANY}:
        raise MalformedRequest("If-None-Match takes * alone when something is written")
    return Conditions(
        if_match=None if if_match is None else matched_version(if_match),
        must_be_absent=if_none_match == ANY,
    )


def source_version_of(headers: Headers, *, name: str = SOURCE_VERSION) -> int | None:
    """The producer's number in this header, or None without it.

    Raises:
        MalformedRequest: it is repeated, or no plain decimal int64 from 0 on.
    """
    if (text := _once(headers, name)) is None:
        return None
    digits = text.isascii() and text.isdigit() and len(text) <= _INT64_DIGITS
    if not digits or int(text) > INT64_MAX:
        raise MalformedRequest(f"{name} must be a whole number from 0 to {INT64_MAX}, in digits")
    return int(text)


def source_base_version_of(headers: Headers, *, below: int | None) -> int | None:
    """The number of the message a patch was made on.

    Raises:
        MalformedRequest: as above, or it is not below the message's own number.
    """
    base = source_version_of(headers, name=SOURCE_BASE_VERSION)
    if base is not None and below is not None and below <= base:
        raise MalformedRequest(f"{SOURCE_VERSION} must be above {SOURCE_BASE_VERSION}")
    return base


def _once(headers: Headers, name: str) -> str | None:
    values = headers.getlist(name)
    if len(values) > 1:
        raise MalformedRequest(f"{name} stands more than once")
    return values[0].strip() if values else None
