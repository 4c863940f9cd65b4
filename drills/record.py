"""What is kept of a run, in drills/results: the pages and the index are made from it alone."""

import os
import platform as machine
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from drills.answers import KINDS, Answer, of_kinds
from drills.drill import Control, Drill
from drills.lines import values
from drills.measures import MEASURES, SLOW_SECONDS, Run, Verdict

RESULTS: Final = Path(__file__).parent / "results"
BIN_SECONDS: Final = 0.5
MACHINE: Final = f"{os.cpu_count()} cores, {machine.machine()}, Python {machine.python_version()}"


_HURT: Final = (
    ("patient_failed", "{:,.0f} although asked again"),
    ("lost", "{:,.0f} acknowledged and not there"),
    ("doubled", "{:,.0f} doubled"),
    ("wrongly_done", "{:,.0f} refused and done"),
    ("without_listing", "{:,.0f} delivered without the listing"),
)
"""What is told of a run beside its failures, where there is anything to tell."""


class Bin(msgspec.Struct, frozen=True, array_like=True):
    """Requests that were due within half a second, by clients that never ask again."""

    at: float
    answered: int
    slow: int
    failed: int


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    Attributes:
        control: whose lines were changed; None: nobody's.
        lines: each as a reader finds it, and what stands there in truth.
        measures: all of them.
        asked: requests by clients that never ask again, by kind.
        holds: whether all verdicts do.
        hurts: what was expected of it, of a control.
        fault: what happened, where it was not what happens in the drill.
        fault_seconds: how long it took.
    """

    control: str | None
    protects: str
    lines: Sequence[tuple[str, Any]]
    measures: Mapping[str, float]
    asked: Mapping[str, int]
    statuses: Mapping[str, int]
    verdicts: Sequence[str]
    holds: bool
    hurts: Mapping[str, float] = {}
    fault: Sequence[Any] | None = None
    fault_seconds: float
    bins: Sequence[Bin]

    @property
    def called(self) -> str:
        """What a page calls it."""
        return self.control or "with all lines"

    @property
    def told(self) -> str:
        """Who was hurt, in a few words."""
        return "; ".join(words for _, words in self.words)

    @property
    def words(self) -> list[tuple[str, str]]:
        """The same by measure, `failed` always among them."""
        measures, asked = self.measures, sum(self.asked.values())
        share = f" ({measures['failed_percent']:.2g} %)" if measures["failed"] else ""
        failed = f"{measures['failed']:,.0f} of {asked:,} failed{share}"
        # A record may be older than a measure.
        hurt = [(name, text.format(measures[name])) for name, text in _HURT if measures.get(name)]
        if measures["unfinished"]:
            # First: fewer may have failed in it than in a run that went on to its end.
            cut_off = [
                ("unfinished", "it was not over in time"),
                ("failed", f"{failed} until then"),
            ]
            return [*cut_off, *hurt]
        return [("failed", failed), *hurt]

    @classmethod
    def of(cls, run: Run, *, control: Control | None, verdicts: Sequence[Verdict]) -> Self:
        """What is to be kept of it."""
        return cls(
            control=control.name if control else None,
            protects=control.protects if control else "",
            lines=lines_as_they_are(control) if control else [],
            measures={name: _rounded(measure(run)) for name, measure in MEASURES.items()},
            asked={kind: len(of_kinds(run.impatient, kind)) for kind in KINDS},
            statuses=_statuses(run.impatient),
            verdicts=[str(verdict) for verdict in verdicts],
            holds=all(verdict.holds for verdict in verdicts),
            hurts=dict(control.hurts) if control else {},
            fault=msgspec.to_builtins(control.fault) if control else None,
            fault_seconds=_rounded(run.fault_ended - run.fault_began),
            bins=_bins(run),
        )


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A drill and its runs, the one with all lines first."""

    name: str
    title: str
    story: str
    time_scale: float
    load: Mapping[str, Any]
    fault: Sequence[Any]
    expect: Mapping[str, Any]
    machine: str
    runs: Sequence[Played]
    seconds: float = 0
    """That all of it took, from nothing; 0 if that was not noted."""

    @classmethod
    def of(cls, name: str, drill: Drill, *, runs: Sequence[Played], seconds: float) -> Self:
        """Of a drill that was played."""
        return cls(
            name=name,
            title=drill.title,
            story=drill.story,
            time_scale=drill.situation.time_scale,
            load=msgspec.to_builtins(drill.load),
            fault=msgspec.to_builtins(drill.fault),
            expect=dict(drill.expect),
            machine=MACHINE,
            runs=runs,
            seconds=_rounded(seconds),
        )

    @property
    def holds(self) -> bool:
        """Whether nobody was hurt with the lines, and somebody without each."""
        return all(run.holds for run in self.runs)

    def keep(self, results: Path = RESULTS) -> None:
        """Writes it down, in place of what was known of the drill before."""
        file = results / f"{self.name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(self), indent=1)
        file.write_bytes(text + b"\n")


def records(results: Path = RESULTS) -> list[Record]:
    """All that is known, by name."""
    files = sorted(results.glob("*/*.json"))
    return [msgspec.json.decode(file.read_bytes(), type=Record) for file in files]


def lines_as_they_are(control: Control) -> list[tuple[str, Any]]:
    """Each line of a control as a reader finds it, and what stands there now."""
    return [
        (line.told(file), value)
        for line in control.lines
        for file, value in zip(line.files, values(line), strict=True)
    ]


def _rounded(value: float) -> float:
    return float(f"{min(value, 9_999):.4g}")


def _statuses(answers: Sequence[Answer]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for answer in answers:
        name = f"{answer.kind} {answer.status}"
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _bins(run: Run) -> list[Bin]:
    counts: dict[int, list[int]] = {}
    for answer in run.impatient:
        number = int((answer.due - run.fault_began) // BIN_SECONDS)
        where = 2 if not answer.good else 1 if answer.took > SLOW_SECONDS else 0
        counts.setdefault(number, [0, 0, 0])[where] += 1
    return [Bin(number * BIN_SECONDS, *counts[number]) for number in sorted(counts)]
