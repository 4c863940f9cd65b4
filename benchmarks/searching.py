"""Searches: how they grow with the table, with the page, and how long the longest takes."""

import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.client import Load, ask_all, request
from benchmarks.figures import Figure, Sizes, middle, ratio, rounded
from benchmarks.measured import FEW, MANY, Measured
from benchmarks.searches import NAMED, Query, every_search, target
from query_api.cursors import Position, cursor_at
from query_api.parsing import parameters_of
from query_api.search_parameters import PARSERS

# Of each side's turn.
ASKED: Final = 15
DEEP: Final = 10_000
REFUSED: Final = b"422"


def growing(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    """The same searches of a large table and of a small one."""
    key = place.growth.key(1)
    for name, query in {**NAMED, "by key": {"ListingKey": key}}.items():
        asked = [target(query)] * ASKED
        many, few = [], []
        for _ in range(sizes.rounds):
            many.append(_milliseconds(place, asked))
            few.append(_milliseconds(place, asked, database=FEW))
        yield Figure(
            name=f"search {name}: {sizes.listings:,} ÷ {sizes.few:,} listings",
            ratio=ratio(many, few),
            at_most=1.5,
            dream=1.1,
            raw={"many, ms": rounded(many), "few, ms": rounded(few)},
        )
    yield from _deep(place, sizes)


def _deep(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    for name, query, column in (
        ("newest", {}, "modification_timestamp DESC, listing_key DESC"),
        ("area", {"sort": "LivingArea"}, "living_square_metres, listing_key"),
    ):
        first = target({**query, "limit": "50"})
        page = min(DEEP, sizes.listings // 100)
        deep = target({**query, "limit": "50", "cursor": _cursor(place, query, column, page=page)})
        firsts, deeps = [], []
        for _ in range(sizes.rounds):
            firsts.append(_milliseconds(place, [first] * ASKED))
            deeps.append(_milliseconds(place, [deep] * ASKED))
        yield Figure(
            name=f"search {name}: page {page:,} ÷ page 1",
            ratio=ratio(deeps, firsts),
            at_most=1.2,
            dream=1.1,
            raw={"deep, ms": rounded(deeps), "first, ms": rounded(firsts)},
        )


def _cursor(place: Measured, query: Query, order: str, *, page: int) -> str:
    """As the page before gives it. Why not walk there? It would take minutes."""
    column = order.split(maxsplit=1)[0].rstrip(",")
    last = (
        f"SELECT {column}, listing_key FROM bukken.listings"  # noqa: S608 — our own names
        f" WHERE visible AND {column} IS NOT NULL ORDER BY {order} OFFSET %s LIMIT 1"
    )
    with place.connect("bukken_reader") as reader:
        row: Any = reader.execute(last.encode(), [50 * (page - 1) - 1]).fetchone()
        keys: Any = reader.execute("SELECT number, secret FROM bukken.cursor_keys").fetchall()
    given = parameters_of(target(query).partition("?")[2].encode(), parsers=PARSERS)
    walk = given.walk("/v1/listings")
    return cursor_at(Position(*row), walk=walk, keys=dict(keys), now=time.time())


def every(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    """All other searches, and pairs of them; the better of two, since others use this machine."""
    took, refused, worst = [], [], ("", 0.0)
    for number, query in enumerate(every_search(most=sizes.searches)):
        loads = [_answered(place, [target(query)]) for _ in range(2)]
        seconds = min(load.waits[0] for load in loads)
        if all(load.last[9:12] == REFUSED for load in loads):
            refused.append(seconds)
            continue
        took.append(seconds)
        worst = max(worst, (target(query), seconds), key=lambda pair: pair[1])
        if number % 100 == 0:
            place.say(f"{number} searches")
    took.sort()
    yield Figure(
        name=f"every other search of {sizes.listings:,} listings, p99, ms",
        ratio=1000 * took[int(len(took) * 0.99)],
        at_most=200,
        dream=100,
        raw={
            "answered": len(took),
            "refused": len(refused),
            "p50, ms": round(1000 * middle(took), 1),
            "p90, ms": round(1000 * took[int(len(took) * 0.9)], 1),
            "longest, ms": round(1000 * took[-1], 1),
            "the longest": worst[0],
            "longest refusal, ms": round(1000 * max(refused, default=0), 1),
        },
    )


def _milliseconds(place: Measured, targets: list[str], *, database: str = MANY) -> float:
    return 1000 * middle(_answered(place, targets, database=database).waits)


def _answered(place: Measured, targets: list[str], *, database: str = MANY) -> Load:
    pod = place.pods("query-api", database=database)[0]
    token = place.token("portal-0", scope="listings.read")
    asked = (request("GET", each, token=token) for each in targets)
    return ask_all((pod["address"], 8080), [asked], seconds=20, statuses=(200, 422))
