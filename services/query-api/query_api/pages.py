"""A page of a walk: its rows, and the link to the next one, sealed."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import RowMapping

from bukken_contract.listing import Fault
from bukken_contract.problems import Invalid
from bukken_database.sessions import ReadSession
from query_api.cursor_keys import CursorKeys
from query_api.cursors import (
    ExpiredCursor,
    ForeignCursor,
    Position,
    cursor_at,
    position_of,
)
from query_api.parsing import CURSOR, LIMIT, Parameters

_FOREIGN: Final = "was changed, or is of another search; begin again without it"
_EXPIRED: Final = "was given more than a day ago; begin again without it"

Rows = Sequence[RowMapping]

# Of listings in a page, whatever its limit: a page takes five times its size to make, and 245
# listings full of pictures, 61 MB, took more memory than a Pod has (256 MiB).
MOST_CHARACTERS: Final = 8_000_000


def fitting(rows: Rows) -> Rows:
    """Those that fit into one page by their size; one does in any case."""
    if not rows or "document" not in rows[0]:
        return rows
    ends = accumulate(len(row["document"] or "") for row in rows)
    return rows[: max(1, sum(end <= MOST_CHARACTERS for end in ends))]


class Walk:
    """One call's walk, from its cursor to the next."""

    def __init__(
        self, path: str, *, given: Parameters, keys: CursorKeys, default_limit: int
    ) -> None:
        self._path = path
        self._given = given
        self._keys = keys
        self._limit: int = given.values.get(LIMIT, default_limit)

    def page(
        self,
        session: ReadSession,
        *,
        ask: Callable[[Position | None, int], Rows],
        position: Callable[[RowMapping], Position],
        document: Callable[[RowMapping], object],
    ) -> dict[str, Any]:
        """The page. One row more than it has is asked for: it says that there is a next page.

        Raises:
            Invalid: the cursor is not of this walk, or too old.
        """
        cursor = self._given.values.get(CURSOR)
        sealing = self._keys.knowing(cursor and cursor.number, session=session)
        rows = ask(self._after(sealing), self._limit + 1)
        shown = fitting(rows[: self._limit])
        page: dict[str, Any] = {"value": [document(row) for row in shown]}
        if len(rows) > len(shown):
            page["nextLink"] = self._link(position(shown[-1]), sealing=sealing)
        return page

    def _after(self, sealing: Mapping[int, bytes]) -> Position | None:
        if CURSOR not in self._given.values:
            return None
        walk = self._given.walk(self._path)
        try:
            cursor = self._given.values[CURSOR]
            return position_of(cursor, walk=walk, keys=sealing, now=time.time())
        except ForeignCursor:
            raise _refused(_FOREIGN) from None
        except ExpiredCursor:
            raise _refused(_EXPIRED) from None

    def _link(self, last: Position, *, sealing: Mapping[int, bytes]) -> str:
        walk = self._given.walk(self._path)
        cursor = cursor_at(last, walk=walk, keys=sealing, now=time.time())
        return self._given.next_link(self._path, cursor=cursor, limit=self._limit)


def _refused(why: str) -> Invalid:
    return Invalid("the cursor cannot be followed", faults=[Fault(CURSOR, why)])
