"""What the change feed costs its writers, and how soon a change is in it."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from benchmarks import feed
from benchmarks.figures import Figure, Sizes, middle
from benchmarks.measured import Measured

SAMPLES: Final = 400


def changes(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    """On the large table, whose triggers and indexes are the shipped ones."""
    master = partial(place.connect, "bukken_master")
    writer = partial(place.connect, "bukken_writer")
    reader = partial(place.connect, "bukken_reader", at="standby")
    with feed.slow_commits(master):
        pair = feed.writes_a_second(
            master=master, primary=writer, seconds=sizes.seconds, rounds=sizes.rounds
        )
    yield Figure(
        name="writers with the feed ÷ without, commits of 5 ms",
        ratio=pair[0] / pair[1],
        at_least=0.85,
        dream=0.95,
        raw={"with, commits/s": round(pair[0]), "without, commits/s": round(pair[1])},
    )
    samples = min(SAMPLES, sizes.rows)
    alone = feed.seconds_until_visible(primary=writer, standby=reader, samples=samples)
    yield _visible("", alone)
    with feed.open_transaction(writer):
        beside = feed.seconds_until_visible(
            primary=writer, standby=reader, samples=samples, seconds=sizes.open_seconds
        )
    yield _visible(f", beside a transaction open for {sizes.open_seconds:g} s", beside)


def _visible(beside: str, seconds: Sequence[float]) -> Figure:
    took = sorted(1000 * each for each in seconds)
    return Figure(
        name=f"commit → in the feed on the standby{beside}, p99, ms",
        ratio=took[int(len(took) * 0.99)],
        at_most=150,
        dream=60,
        raw={"p50, ms": round(middle(took), 1), "longest, ms": round(took[-1], 1)},
    )
