"""What the back end sends twice or late must not undo what came after (architecture § 3).

It delivers at least once and out of order; `Source-Version` orders its messages. Here is only the
decision, free of any database, in the order in which a case is looked for:

what the message is                              what follows
unguarded (no Source-Version)                    it is done; the number stored stays
the stored message again (number and digest)     taken in already
a patch whose base is not the stored number      SendWholeListing
older than the stored message                    LateSourceVersion
of the same number, and it changes nothing       taken in already
of the same number, with other content           SourceVersionConflict
newer, or the first that has a number            it is done, and its number is stored
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bukken_contract.problems import LateSourceVersion, SendWholeListing, SourceVersionConflict


@dataclass(frozen=True)
class Message:
    """A producer's message as the guard remembers it; both None when it has no number."""

    version: int | None = None
    digest: bytes | None = None


def message_of(
    kind: Literal["PUT", "PATCH", "DELETE"], content: Mapping[str, object], *, version: int | None
) -> Message:
    """The message of this kind and content, in any spelling of the same JSON."""
    if version is None:
        return Message()
    canonical = json.dumps([kind, content], sort_keys=True, default=lambda number: [str(number)])
    return Message(version, hashlib.sha256(canonical.encode()).digest())


def is_taken_in(
    message: Message, *, last: Message, changes_nothing: bool, base: int | None = None
) -> bool:
    """Whether the message was taken in before, so that nothing is left to do.

    Args:
        message: the one that came.
        last: the newest that was taken in.
        changes_nothing: whether the listing is already as the message would make it.
        base: the number a patch names as its base.

    Raises:
        SendWholeListing: the patch was made on another message than the last.
        LateSourceVersion: a newer one was taken in already.
        SourceVersionConflict: another message had the same number.
    """
    if message.version is not None and message == last:
        return True
    if base is not None and base != last.version:
        raise SendWholeListing(f"the base is {base}; the last Source-Version is {last.version}")
    if message.version is None or last.version is None or message.version > last.version:
        return False
    if message.version < last.version:
        raise LateSourceVersion(f"Source-Version {last.version} was taken in before")
    if not changes_nothing:
        raise SourceVersionConflict(f"Source-Version {message.version} came with other content")
    return True
