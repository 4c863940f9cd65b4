"""What a listing must be to be found, in the words of the index that answers it; and who is few.

The planner takes conditions for independent of each other and of the order, so it is counted here
what it cannot know.
"""

from collections.abc import Container, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Select,
    and_,
    cast,
    func,
    literal_column,
    select,
    true,
)

from bukken_database.schema import GRAMS, listings
from bukken_database.sessions import ReadSession
from query_api.search import NEWEST, Circle, Search

# From so many on, what fits one condition is a crowd: to read all of it would take some 0.1 s.
_CROWD: Final = 25_000
# Fewer around a place: its index cannot tell without the table.
_CROWD_AROUND: Final = 5_000

# A share of all texts.
_EVERYWHERE: Final = 0.25


class Narrowed(NamedTuple):
    """The conditions of a search, and whether one of them leaves few.

    Attributes:
        few: they are found first and sorted afterwards, whatever the order.
        matching: what must be true of a listing.
    """

    few: bool
    matching: tuple[ColumnElement[bool], ...]


def narrowed(session: ReadSession, search: Search) -> Narrowed:
    """Counts what one condition leaves, where the planner cannot know."""
    box = None if search.circle is None else _in_box(search.circle)
    crowded = box is not None and _is_crowd(session, box, most=_CROWD_AROUND)
    few = (box is not None and not crowded) or "listing_key" in search.any_of
    few = few or any(not _is_crowd(session, one, most=_CROWD) for one in _doubtful(search))
    grams = frozenset(word for word in search.words if not (few and _is_everywhere(session, word)))
    return Narrowed(few, tuple(_conditions(search, crowded=crowded, grams=grams)))


def are_few(session: ReadSession) -> bool:
    """Whether all listings there are, are few: what takes long then is the database's fault."""
    return not _is_crowd(session, true(), most=_CROWD)


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


def _conditions(
    search: Search, *, crowded: bool, grams: Container[str]
) -> Iterator[ColumnElement[bool]]:
    yield listings.c.visible
    yield from _equalities(search)
    for name in search.ranges:
        yield from _range(name, search=search)
    for word in search.words:
        if word in grams:
            yield _has_grams(word)
        # Its grams are there, and there they stand together. Why not LIKE? The planner would take
        # it for one more reason why few are found.
        form = func.bukken.search_form(word)
        yield func.strpos(listings.c.search_text, form, type_=Integer) != 0
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


def _has_grams(word: str) -> ColumnElement[bool]:
    grams = func.bukken.grams_of_word(func.bukken.search_form(word))
    return GRAMS.op("@>", is_comparison=True)(grams)


def _is_everywhere(session: ReadSession, word: str) -> bool:
    """Whether the planner expects it in so many texts that their index would not narrow a few.

    It would make the grams of each of these then, in 50 µs a text, instead of asking the index.
    """
    all_texts: Select[Any] = select(literal_column("1")).select_from(listings)
    found = session.estimate(all_texts.where(_has_grams(word)))
    return found > _EVERYWHERE * session.estimate(all_texts)


def _within(circle: Circle, *, crowded: bool) -> Iterator[ColumnElement[bool]]:
    """In the circle; among few, in the box around it too, which is what its index knows."""
    if not crowded:
        yield _in_box(circle)
    yield distance_from(circle) <= func.bukken.gc_to_sec(cast(circle.metres, Double))


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


def distance_from(circle: Circle) -> ColumnElement[float]:
    """Through the earth and not around it: the order is the same, and an index knows it."""
    return listings.c.place.op("<->", return_type=Double())(_centre(circle))


def _centre(circle: Circle) -> ColumnElement[Any]:
    return func.bukken.ll_to_earth(cast(circle.latitude, Double), cast(circle.longitude, Double))
