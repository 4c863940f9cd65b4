"""The keys that cursors are sealed with: a table that every Pod reads, so that each knows them all.

Why not a setting? Each place and each Pod would have to be given the same secret, to protect what
is no secret: a position. Who can read this table can read every listing.
"""

import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from bukken_database.schema import cursor_keys
from bukken_database.sessions import ReadSession

_KEYS: Final = select(cursor_keys.c.number, cursor_keys.c.secret)


# So that each Pod has long been sealing with a new key when the old one is deleted.
_OLDEST_SECONDS: Final = 60 * 60


class CursorKeys:
    """The keys by number, read now and then, and when a number turns up that is not known."""

    def __init__(self) -> None:
        self._known: Mapping[int, bytes] = {}
        self._stale_at = time.monotonic()

    def knowing(self, number: int | None, *, session: ReadSession) -> Mapping[int, bytes]:
        """All keys; that of the number is among them if there is one."""
        is_unknown = number is not None and number not in self._known
        if is_unknown or time.monotonic() >= self._stale_at:
            rows = session.rows(_KEYS)
            self._known = {row["number"]: bytes(row["secret"]) for row in rows}
            self._stale_at = time.monotonic() + _OLDEST_SECONDS
        return self._known
