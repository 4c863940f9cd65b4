"""What a drill is: a file below drills/cases, read strictly."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
import yaml

from drills.lines import Line
from drills.measures import DETECTED, MEASURES
from drills.steps import Step

CASES: Final = Path(__file__).parent / "cases"
MOST_TIMES_FASTER: Final = 5


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

    reads: float = 40
    writes: float = 20
    inquiries: float = 0
    mesh: float = 0
    burst: int = 0
    burst_writes: int = 0
    burst_seconds: float = 0
    sweep_seconds: float = 0
    surge: float = 0
    connections: int = 16


class Situation(Section, frozen=True):
    """How the platform stands before anything happens.

    Attributes:
        replicas: how many Pods of a Deployment; two of each that is not named.
        time_scale: how many times shorter the waits of Kubernetes and of the load balancer are.
        database_milliseconds: what each answer of the database takes longer: a Pod then has a
            capacity that does not depend on the machine.
        before: what is done to it first.
    """

    replicas: Mapping[str, int] = {}
    time_scale: float = MOST_TIMES_FASTER
    database_milliseconds: float = 0
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
    lines: tuple[Line, ...]
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
    settle_seconds: float = 3
    in_make_test: bool = False

    def __post_init__(self) -> None:
        asked = {*self.expect, *(name for each in self.controls for name in each.hurts)}
        if unknown := sorted(asked - MEASURES.keys()):
            raise ValueError(f"no measure {', '.join(unknown)}; there are {', '.join(MEASURES)}")
        if not self.controls:
            raise ValueError("a drill without a control proves nothing")
        if not self.expect:
            raise ValueError("nothing is expected")
        for name, bound in self.expect.items():
            if DETECTED in str(bound) and name not in ("failed_reads", "failed_writes"):
                raise ValueError(f"{name} cannot be `{DETECTED}`: of reads or writes alone")


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
    """Each drill's name, `group/name`, and its file."""
    for file in sorted(cases.glob("*/*.yaml")):
        yield f"{file.parent.name}/{file.stem}", file
