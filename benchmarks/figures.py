"""What was measured, and against which bar."""

import os
import platform as machine
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.measured import Measured


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the results.

    Attributes:
        ratio: what the bar is about: a ratio, or a number of the unit that the name ends with.
        at_least: the bar; without one, and without `at_most`, the figure is there to be known.
        dream: what would be excellent.
        raw: what the ratio was made of.
    """

    name: str
    ratio: float
    at_least: float | None = None
    at_most: float | None = None
    dream: float | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        """Whether it is as good as its bar."""
        low = self.at_least is None or self.ratio >= self.at_least
        return low and (self.at_most is None or self.ratio <= self.at_most)

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"

    def record(self) -> dict[str, Any]:
        """As results.json has it."""
        bars = {"at_least": self.at_least, "at_most": self.at_most, "dream": self.dream}
        known = {name: bar for name, bar in bars.items() if bar is not None}
        ratio = float(f"{self.ratio:.4g}")
        return {"name": self.name, "ratio": ratio, **known, "raw": self.raw, "machine": MACHINE}


MACHINE: Final = f"{os.cpu_count()} cores, {machine.machine()}, Python {machine.python_version()}"


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured.

    Attributes:
        listings, few: in the large database and in the small one.
        rounds: of each comparison; its sides take turns, so that what else the machine does is in
            all of them.
        seconds: of each side's turn.
        rows: of each turn at taking in and giving out.
        searches: of all that can be made of what is accepted.
        inquiries: of a backlog.
        open_seconds: how long a transaction stays open beside the feed.
    """

    listings: int
    few: int
    rounds: int
    seconds: float
    rows: int
    searches: int
    inquiries: int
    open_seconds: float


FULL: Final = Sizes(
    listings=1_000_000,
    few=10_000,
    rounds=5,
    seconds=2,
    rows=5_000,
    searches=750,
    inquiries=10_000,
    open_seconds=60,
)
# Proves that it runs, and nothing else.
SMALL: Final = Sizes(
    listings=2_000,
    few=500,
    rounds=1,
    seconds=0.2,
    rows=200,
    searches=10,
    inquiries=50,
    open_seconds=0.2,
)

Line = Callable[[Measured, Sizes], Iterator[Figure]]


def middle(values: Sequence[float]) -> float:
    """The median of rounds: one that was disturbed does not count."""
    return statistics.median(values)


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Of what two sides made in the same rounds."""
    return middle([a / b for a, b in zip(above, below, strict=True)])


def rounded(values: Sequence[float]) -> list[float]:
    """Four digits of each: more is noise."""
    return [float(f"{value:.4g}") for value in values]
