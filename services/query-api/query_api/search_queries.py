"""The search as SQL: each condition in the words of the index that answers it.

Statements are made for each search, and planned with its values: the best plan for a rare word is
the worst for a frequent one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    RowMapping,
    Select,
    and_,
    cast,
    exc,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from bukken_contract.problems import SearchTooCostly
from bukken_database.failures import sqlstate_of
from bukken_database.schema import GRAMS, listings
from bukken_database.sessions import ReadSession
from query_api.cursors import Position
from query_api.queries import PUBLIC
from query_api.search import DISTANCE, NEWEST, Circle, Search

# Five times what a search may take on a million listings. One that needs longer reads a good part
# of them, and would with the next page again.
SEARCH_SECONDS: Final = 1

# For a walk along an order that is not that of the conditions, none of which leaves few: it ends
# soon or never, and who is to be refused is refused soon. For its first page alone: the last one
# goes past all that do not fit, and who was given the others is not to be refused it for that.
_WALK_SECONDS: Final = 0.15
_BRIEFLY: Final = select(func.set_config("statement_timeout", f"{_WALK_SECONDS}s", True))

# How many the nearest are: they are found anew for each page.
NEAREST: Final = 1000

# From so many on, what fits one condition is a crowd: to read all of it would take some 0.1 s.
_CROWD: Final = 25_000
# Fewer around a place: its index cannot tell without the table.
_CROWD_AROUND: Final = 5_000

_QUERY_CANCELED: Final = "57014"
_ADVICE: Final = (
    "too many listings would have to be looked at; name a City, a Currency with a narrower range "
    "of prices, a smaller radius or a rarer word, or take the default sort"
)

# For this transaction alone. Compiling (jit) a query of milliseconds takes more than it saves, and
# one partner's search shall not take several of the reader's cores. A page from anywhere costs no
# more than the next one, in memory or on flash: at the default of 4 the planner would rather walk
# past what was changed lately, hoping for a match, than take the index of the value asked for.
_MANNERS: Final = select(
    func.set_config("statement_timeout", f"{SEARCH_SECONDS}s", True),
    # Less: who waits for a lock has not asked too much.
    func.set_config("lock_timeout", f"{SEARCH_SECONDS / 2}s", True),
    func.set_config("plan_cache_mode", "force_custom_plan", True),
    func.set_config("jit", "off", True),
    func.set_config("random_page_cost", "1.1", True),
    func.set_config("max_parallel_workers_per_gather", "0", True),
)


def which_match(
    session: ReadSession, *, search: Search, after: Position | None, rows: int
) -> Sequence[RowMapping]:
    """At most so many visible listings of the search, in its order, beyond the position.

    Raises:
        SearchTooCostly: no index answers it in time. Not raised for a search that is one range of
            an index: when that takes long, the database is to blame.
    """
    try:
        with session.together():
            session.row(_MANNERS)
            return _found(session, search=search, after=after, rows=rows)
    except exc.DBAPIError as error:
        if sqlstate_of(error) != _QUERY_CANCELED or search.is_one_range:
            raise
        raise SearchTooCostly(_ADVICE) from None


def _found(
    session: ReadSession, *, search: Search, after: Position | None, rows: int
) -> Sequence[RowMapping]:
    found: list[RowMapping] = []
    few, matching = _narrowed(session, search)
    if after is None and not few and search.walks:
        session.row(_BRIEFLY)
    for part in _parts(search, matching=matching, few=few, after=after):
        found += session.rows(part.limit(rows - len(found)))
        if len(found) == rows:
            break
    return found


def _parts(
    search: Search, *, matching: list[ColumnElement[bool]], few: bool, after: Position | None
) -> Iterator[Select[Any]]:
    """The order in parts, each one range of an index: what is known, then what is not.

    Args:
        search: what is asked.
        matching: what must be true of a listing.
        few: they are found first and sorted afterwards, whatever the order.
        after: the position before the first.
    """
    if search.sort.column == DISTANCE:
        yield _nearest(search, matching=matching, after=after)
        return
    column, key, rows = _rows(search, matching=matching, few=few)
    nullable = listings.c[search.sort.column].nullable
    order = [c.desc() if search.sort.descending else c.asc() for c in (column, key)]
    if after is None or after.value is not None:
        known = rows.where(column.is_not(None)) if nullable else rows
        yield known.order_by(*order).where(*_beyond(column, key, search=search, after=after))
    if nullable and search.sort.column not in search.ranges:
        at = after if after is not None and after.value is None else None
        # By the column too, though there it is all one: so PostgreSQL sees that it is an index.
        unknown = rows.where(column.is_(None)).order_by(*order)
        yield unknown.where(_past(key, at.listing_key, search=search)) if at else unknown


def _rows(
    search: Search, *, matching: list[ColumnElement[bool]], few: bool
) -> tuple[ColumnElement[Any], ColumnElement[str], Select[Any]]:
    """What they are sorted by, first and last, and the rows themselves."""
    column, key = listings.c[search.sort.column], listings.c.listing_key
    if not few:
        return column, key, select(*PUBLIC, column).where(*matching)
    # OFFSET 0: so it is planned for itself, as if all of it were asked for.
    found = select(key, column).where(*matching).offset(0).subquery()
    joined = listings.join(found, found.c.listing_key == key)
    rows = select(*PUBLIC, column).select_from(joined)
    return found.c[search.sort.column], found.c.listing_key, rows


def _beyond(
    column: ColumnElement[Any], key: ColumnElement[str], *, search: Search, after: Position | None
) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    at = tuple_(literal(after.value, column.type), literal(after.listing_key, key.type))
    return [_past(tuple_(column, key), at, search=search)]


def _past(left: ColumnElement[Any], right: Any, *, search: Search) -> ColumnElement[bool]:  # noqa: ANN401 — a value or a tuple of them
    past: ColumnElement[bool] = left < right if search.sort.descending else left > right
    return past


def _nearest(
    search: Search, *, matching: list[ColumnElement[bool]], after: Position | None
) -> Select[Any]:
    """The nearest, and of them those beyond the position.

    An index gives them by distance, but cannot begin at one: so each page costs what the last does.
    """
    assert search.circle is not None  # noqa: S101 — a search by distance has one
    distance = _distance(search.circle).label(DISTANCE)
    nearest = (
        select(listings.c.listing_key, distance)
        .where(*matching)
        .order_by(distance, listings.c.listing_key)
        .limit(NEAREST)
        .subquery()
    )
    order = (nearest.c[DISTANCE], nearest.c.listing_key)
    found = listings.join(nearest, nearest.c.listing_key == listings.c.listing_key)
    page = select(*PUBLIC, nearest.c[DISTANCE]).select_from(found).order_by(*order)
    return page.where(tuple_(*order) > tuple_(after.value, after.listing_key)) if after else page


def _narrowed(session: ReadSession, search: Search) -> tuple[bool, list[ColumnElement[bool]]]:
    """Whether one of the conditions leaves few, and all of them."""
    box = None if search.circle is None else _in_box(search.circle)
    crowded = box is not None and _is_crowd(session, box, most=_CROWD_AROUND)
    matching = [*_conditions(search, crowded=crowded)]
    few = box is not None and not crowded
    return few or any(
        not _is_crowd(session, one, most=_CROWD) for one in _doubtful(search)
    ), matching


def _doubtful(search: Search) -> Iterator[ColumnElement[bool]]:
    """Conditions of which the planner cannot know whether they leave few.

    It takes them for independent of each other and of the order. But a million dollars are few
    and a million yen are not, and most of what has the largest rooms stands in one country: it
    would walk past them all for a page of the other. Newest first has no such company, and of one
    value it has an index of its own.
    """
    ranges = {name: [*_range(name, search=search)] for name in search.ranges}
    if search.sort is not NEWEST:
        ranges.pop(search.sort.column, None)
        # The order by price is of one currency.
        yield from _equalities(search, but="currency" if "price" in search.sort.column else "")
    for name, ends in ranges.items():
        # A price is of one currency, and their index begins with it.
        of = [listings.c.currency == search.any_of["currency"][0]] if name == "list_price" else []
        yield and_(*of, *ends)


def _conditions(search: Search, *, crowded: bool) -> Iterator[ColumnElement[bool]]:
    yield listings.c.visible
    yield from _equalities(search)
    for name in search.ranges:
        yield from _range(name, search=search)
    for word in search.words:
        yield from _holds(word)
    if search.circle is not None:
        yield from _within(search.circle, crowded=crowded)


def _equalities(search: Search, *, but: str = "") -> Iterator[ColumnElement[bool]]:
    for name, values in search.any_of.items():
        if name == but:
            continue
        column = listings.c[name]
        yield column == values[0] if len(values) == 1 else column.in_(values)


def _range(name: str, *, search: Search) -> Iterator[ColumnElement[bool]]:
    least, most = search.ranges[name]
    if least is not None:
        yield listings.c[name] >= least
    if most is not None:
        yield listings.c[name] <= most


def _holds(word: str) -> Iterator[ColumnElement[bool]]:
    """Its grams are there, and there they stand together.

    Why not LIKE? The planner would take it for one more reason why few are found.
    """
    form = func.bukken.search_form(word)
    yield GRAMS.op("@>", is_comparison=True)(func.bukken.grams_of_word(form))
    yield func.strpos(listings.c.search_text, form, type_=Integer) != 0


def _within(circle: Circle, *, crowded: bool) -> Iterator[ColumnElement[bool]]:
    """In the circle; among few, in the box around it too, which is what its index knows."""
    if not crowded:
        yield _in_box(circle)
    yield _distance(circle) <= func.bukken.gc_to_sec(cast(circle.metres, Double))


def _is_crowd(session: ReadSession, condition: ColumnElement[bool], *, most: int) -> bool:
    """Whether so many listings fit this one condition. By its index: some milliseconds.

    Asked, since the planner cannot know, of a circle least of all (`contsel`: one in a thousand,
    always). Around Seattle, 57,000 of 331,000, it read them all for a page of 50.
    """
    some: Select[Any] = select(literal_column("1")).where(listings.c.visible, condition).limit(most)
    row = session.row(select(func.count().label("found")).select_from(some.subquery()))
    return row is not None and row["found"] == most


def _in_box(circle: Circle) -> ColumnElement[bool]:
    box = func.bukken.earth_box(_centre(circle), cast(circle.metres, Double))
    return listings.c.place.op("<@", is_comparison=True)(box)


def _distance(circle: Circle) -> ColumnElement[float]:
    """Through the earth and not around it: the order is the same, and an index knows it."""
    return listings.c.place.op("<->", return_type=Double())(_centre(circle))


def _centre(circle: Circle) -> ColumnElement[Any]:
    return func.bukken.ll_to_earth(cast(circle.latitude, Double), cast(circle.longitude, Double))
