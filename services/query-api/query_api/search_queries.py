"""Which listings match a search: asked of the database in the way that ends soonest, or refused.

A condition that leaves few: these are found and sorted. Else the order is walked until the page is
full, which ends soon or never; and if not soon, what all conditions together leave is found by
their indexes, and sorted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import RowMapping, Select, exc, func, select

from bukken_contract.problems import SearchTooCostly
from bukken_database.failures import sqlstate_of
from bukken_database.sessions import ReadSession
from query_api.cursors import Position
from query_api.search import Search
from query_api.search_conditions import Narrowed, are_few, narrowed
from query_api.search_statements import gather, walk

# What each way may take at most. A statement that needs longer reads a good part of a million
# listings, and would with the next page again.
SEARCH_SECONDS: Final = 1.0


class Limits(NamedTuple):
    """Seconds for the walk along the order, and for finding all when that did not end."""

    walk: float
    gather: float


# Of the first page: who is to be refused is refused soon. A later one has the second: the last one
# goes past all that do not fit, and who was given the others is not to be refused it for that.
_FIRST: Final = Limits(0.05, 0.14)
_LATER: Final = Limits(SEARCH_SECONDS / 2, SEARCH_SECONDS / 2)

# For one transaction alone. Compiling (jit) a query of milliseconds takes more than it saves, and
# one partner's search shall not take several of the reader's cores. A page from anywhere costs no
# more than the next one, in memory or on flash: at the default of 4 the planner would rather walk
# past what was changed lately, hoping for a match, than take the index of the value asked for. In
# 4 MB of memory a bitmap of a million listings forgets which rows of a page it means, and all texts
# of the page are looked through: 4 s where it takes 0.08.
_MANNERS: Final = select(
    func.set_config("statement_timeout", f"{SEARCH_SECONDS}s", True),
    # Less: who waits for a lock has not asked too much.
    func.set_config("lock_timeout", f"{SEARCH_SECONDS / 2}s", True),
    func.set_config("plan_cache_mode", "force_custom_plan", True),
    func.set_config("jit", "off", True),
    func.set_config("random_page_cost", "1.1", True),
    func.set_config("work_mem", "32MB", True),
    func.set_config("max_parallel_workers_per_gather", "0", True),
)

_QUERY_CANCELED: Final = "57014"
_ADVICE: Final = (
    "too many listings would have to be looked at; name a City, a Currency with a narrower range "
    "of prices, a smaller radius or a rarer word, or take the default sort"
)


def which_match(
    session: ReadSession, *, search: Search, after: Position | None, rows: int
) -> Sequence[RowMapping]:
    """At most so many visible listings of the search, in its order, beyond the position.

    Raises:
        SearchTooCostly: neither way answers it in time. Not raised for a search that is one range
            of an index, or where few are looked at: when that takes long, the database is to blame.
    """
    limits = _FIRST if after is None else _LATER
    found: Narrowed | None = None
    try:
        with _limited(session):
            found = narrowed(session, search)
            if found.few:
                return session.rows(gather(search, matching=found.matching, after=after, rows=rows))
            if search.walks:
                session.row(_at_most(limits.walk))
            return _walked(session, walk(search, matching=found.matching, after=after), rows=rows)
    except exc.DBAPIError as error:
        if found is None or found.few or not search.walks or not _took_too_long(error):
            raise
    statement = gather(search, matching=found.matching, after=after, rows=rows)
    # What people ask most is not refused by a reader whose memory is cold.
    seconds = SEARCH_SECONDS if search.is_by_values else limits.gather
    return _gathered(session, statement, seconds=seconds)


def _gathered(
    session: ReadSession, statement: Select[Any], *, seconds: float
) -> Sequence[RowMapping]:
    few = True
    try:
        with _limited(session):
            few = are_few(session)
            if not few:
                session.row(_at_most(seconds))
            return session.rows(statement)
    except exc.DBAPIError as error:
        if few or not _took_too_long(error):
            raise
        raise SearchTooCostly(_ADVICE) from None


def _walked(
    session: ReadSession, parts: Iterator[Select[Any]], *, rows: int
) -> Sequence[RowMapping]:
    found: list[RowMapping] = []
    for part in parts:
        found += session.rows(part.limit(rows - len(found)))
        if len(found) == rows:
            break
    return found


def _took_too_long(error: exc.DBAPIError) -> bool:
    return sqlstate_of(error) == _QUERY_CANCELED


@contextmanager
def _limited(session: ReadSession) -> Iterator[None]:
    with session.together():
        session.row(_MANNERS)
        yield


@cache
def _at_most(seconds: float) -> Select[Any]:
    return select(func.set_config("statement_timeout", f"{seconds}s", True))
