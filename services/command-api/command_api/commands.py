"""What command-api can be asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bukken_contract.etags import ANY
from bukken_contract.inquiry import Inquiry
from bukken_contract.listing import Listing
from command_api.conditions import Conditions
from command_api.members import members_of
from command_api.source_guard import Message, message_of


@dataclass(frozen=True, kw_only=True)
class PutListing:
    """Make the listing so, whether it is there or not."""

    listing_key: str
    listing: Listing
    conditions: Conditions
    source_version: int | None

    @cached_property
    def message(self) -> Message:
        """How the source guard knows it again."""
        return message_of("PUT", members_of(self.listing), version=self.source_version)


@dataclass(frozen=True, kw_only=True)
class PatchListing:
    """Change some members of the listing it was made on."""

    listing_key: str
    patch: Mapping[str, Any]
    conditions: Conditions
    source_version: int | None
    source_base_version: int | None

    @cached_property
    def message(self) -> Message:
        """How the source guard knows it again."""
        return message_of("PATCH", self.patch, version=self.source_version)

    @property
    def names_its_base(self) -> bool:
        """Whether it says what it was made on.

        `If-Match: *` names no version. A numbered message with it would overtake those between, and
        they would then come too late for ever.
        """
        if_match = self.conditions.if_match
        names_a_version = if_match is not None and (if_match != ANY or self.source_version is None)
        return names_a_version or self.source_base_version is not None


@dataclass(frozen=True, kw_only=True)
class RemoveListing:
    """Take the listing away, and leave a tombstone."""

    listing_key: str
    conditions: Conditions
    source_version: int | None

    @cached_property
    def message(self) -> Message:
        """How the source guard knows it again."""
        return message_of("DELETE", {}, version=self.source_version)


@dataclass(frozen=True, kw_only=True)
class AcceptInquiry:
    """Keep the inquiry until the back end has it; once, however often it is sent."""

    inquiry_key: str
    inquiry: Inquiry
    poster: str
    idempotency_key: str
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class EraseInquiry:
    """Take the person out of an inquiry; one that was not delivered is not any more."""

    inquiry_key: str
    poster: str
