"""What a drill is: a file below drills/cases, read strictly."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import msgspec
import yaml

from drills.answers import KINDS
from drills.lines import Line
from drills.measures import DETECTED, MEASURES
from drills.steps import Doing, Step
from drills.steps.doing import Deployment
from drills.steps.overload import Capacity, Surge

CASES: Final = Path(__file__).parent / "cases"
MOST_TIMES_FASTER: Final = 5

Amount = Annotated[float, msgspec.Meta(ge=0)]
Number = Annotated[int, msgspec.Meta(ge=0)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


_NEEDS: Final[Mapping[str, str]] = {
    **{f"failed_{kind}": kind for kind in KINDS},
    **{f"failed_{kind}_percent": kind for kind in KINDS},
    "first_write_seconds": "writes",
    "delivered_seconds": "inquiries",
}
"""What measures nothing unless so is asked, and would always be as good as can be."""


class DrillNotUnderstood(Exception):
    """A drill's file says something there is not; the message names the file and the field."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a drill's file."""


class Load(Section, frozen=True):
    """What is asked, at a fixed rate whatever the answers are. Half of each by patient clients.

    Attributes:
        reads, writes, inquiries: a second, through the load balancer.
        mesh: reads a second from a relay's Pod, through its Envoy's way out.
        surge: further reads a second while a step `surge` lasts; nobody of them asks again.
        burst: how many reads come at once, every `burst_seconds`, with silence in between.
        sweep_seconds: how much longer the silence becomes, step by step, and then anew.
        connections: how many are open at least; each request takes the next.
    """

    reads: Amount = 40
    writes: Amount = 20
    inquiries: Amount = 0
    mesh: Amount = 0
    burst: Number = 0
    burst_writes: Number = 0
    burst_seconds: Amount = 0
    sweep_seconds: Amount = 0
    surge: Amount = 0
    connections: AtLeastOne = 16

    def __post_init__(self) -> None:
        bursts = self.burst or self.burst_writes
        if bursts and not self.burst_seconds:
            raise ValueError("burst_seconds must say how long after each other the bursts come")
        if not bursts and (self.burst_seconds or self.sweep_seconds):
            raise ValueError("burst_seconds and sweep_seconds are of burst or burst_writes")
        if not any(map(self.has, KINDS)):
            raise ValueError("nobody asks anything")

    def has(self, kind: str) -> bool:
        """Whether anything of a kind is asked."""
        bursts = {"reads": self.burst or self.surge, "writes": self.burst_writes}
        return bool(getattr(self, kind) or bursts.get(kind))


class Situation(Section, frozen=True):
    """How the platform stands before anything happens.

    Attributes:
        replicas: how many Pods of a Deployment; two of each that is not named.
        time_scale: how many times shorter the waits of Kubernetes and of the load balancer are.
        database_milliseconds: what each answer of the database takes longer: a Pod then has a
            capacity that does not depend on the machine.
        before: what is done to it first.
    """

    replicas: Mapping[Deployment, AtLeastOne] = {}
    time_scale: float = MOST_TIMES_FASTER
    database_milliseconds: Amount = 0
    before: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.time_scale <= MOST_TIMES_FASTER:
            raise ValueError(f"time_scale is from 1 to {MOST_TIMES_FASTER}")


class Control(Section, frozen=True):
    """The same with lines changed, which must hurt somebody.

    Attributes:
        name: a few words: "no preStop".
        protects: from what the line keeps people, for the index.
        lines: what is changed, in the true files.
        hurts: at least so much more of a measure than with all lines.
        fault: what happens instead, where the line is about another way of doing it.
    """

    name: str
    protects: str
    lines: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1)]
    hurts: Mapping[str, float]
    fault: tuple[Step, ...] | None = None

    def __post_init__(self) -> None:
        if not self.hurts or min(self.hurts.values()) <= 0:
            raise ValueError(f"{self.name}: a control without what it hurts proves nothing")


class Drill(Section, frozen=True):
    """One.

    Attributes:
        title: a sentence without its full stop.
        story: what happens, to whom, and why it matters; Markdown.
        expect: at most so much of a measure; `detected` and `detected-unanswered` are worked out
            from the load balancer's checks, see `drills.measures.lost_until_detected`; ` + ` is
            between those of a fault that has several.
        in_make_test: whether `make test` runs it too.
    """

    title: str
    story: str
    fault: tuple[Step, ...]
    expect: Mapping[str, float | str]
    controls: tuple[Control, ...]
    load: Load = Load()
    situation: Situation = Situation()
    settle_seconds: Amount = 3
    in_make_test: bool = False

    def __post_init__(self) -> None:
        if unknown := sorted(self._asked - MEASURES.keys()):
            raise ValueError(f"no measure {', '.join(unknown)}; there are {', '.join(MEASURES)}")
        if not self.controls:
            raise ValueError("a drill without a control proves nothing")
        if not self.expect:
            raise ValueError("nothing is expected")
        if told := [*self._of_measures(), *self._of_surges()]:
            raise ValueError("; ".join(told))

    @property
    def _asked(self) -> set[str]:
        return {*self.expect, *(name for each in self.controls for name in each.hurts)}

    def fault_of(self, control: Control | None) -> tuple[Step, ...]:
        """What happens in a run; None: in the one with all lines."""
        return self.fault if control is None or control.fault is None else control.fault

    def _of_measures(self) -> Iterator[str]:
        """Which of them measure nothing here."""
        for name, bound in self.expect.items():
            if DETECTED in str(bound) and name not in ("failed_reads", "failed_writes"):
                yield f"{name} cannot be `{DETECTED}`: of reads or writes alone"
        for name in sorted(self._asked & _NEEDS.keys()):
            if not self.load.has(_NEEDS[name]):
                yield f"{name}: load has no {_NEEDS[name]}"
        if "goodput_short_percent" in self._asked and not self._does(Capacity):
            yield "goodput_short_percent: no step is `capacity`"

    def _of_surges(self) -> Iterator[str]:
        """Where a step and the load contradict each other."""
        if any(isinstance(step, Surge) for step in self.situation.before):
            yield "situation.before: no `surge` before there is load"
        if self._does(Surge) and not self.load.surge:
            yield "fault: a step is `surge`, and load.surge is 0"
        if self.load.surge and not self._does(Surge):
            yield "load.surge: no step is `surge`"

    def _does(self, kind: type[Doing]) -> bool:
        faults = (self.fault_of(control) for control in (None, *self.controls))
        return any(isinstance(step, kind) for step in chain(self.situation.before, *faults))


def read_drill(file: Path) -> Drill:
    """Reads a drill.

    Raises:
        DrillNotUnderstood: a field is missing, unknown, or of another type.
    """
    try:
        return msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), Drill)
    except (msgspec.ValidationError, ValueError, yaml.YAMLError) as error:
        raise DrillNotUnderstood(f"{file.parent.name}/{file.name}: {error}") from error


def all_drills(cases: Path = CASES) -> Iterator[tuple[str, Path]]:
    """Each drill's name, `group/name`, and its file.

    Raises:
        DrillNotUnderstood: a file that would be none, and be overlooked for ever.
    """
    for file in sorted(cases.rglob("*")):
        if file.is_dir() or file.name.startswith("."):
            continue
        if file.parent.parent != cases or file.suffix != ".yaml":
            raise DrillNotUnderstood(f"{file.relative_to(cases)}: not named GROUP/NAME.yaml")
        yield f"{file.parent.name}/{file.stem}", file
