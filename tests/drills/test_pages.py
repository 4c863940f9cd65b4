"""docs/drills is complete and true: of the drills and lines that there are."""

import re
from pathlib import Path

import msgspec
import pytest

from drills.drill import Load, all_drills, read_drill
from drills.pages import DOCS, texts, write
from drills.record import Record, lines_as_they_are, records
from drills.steps import Step

ROOT = Path(__file__).parents[2]
KNOWN = {record.name: record for record in records()}
DRILLS = dict(all_drills())


def test_every_drill_was_played() -> None:
    """And nothing is told of one that there is not any more."""
    assert sorted(KNOWN) == sorted(DRILLS)


@pytest.mark.parametrize("record", KNOWN.values(), ids=KNOWN)
def test_a_record_is_of_the_drill_as_it_is(record: Record) -> None:
    """With all of its controls and no other, in their order."""
    drill = read_drill(DRILLS[record.name])

    names = [None, *(control.name for control in drill.controls)]
    assert [run.control for run in record.runs] == names
    assert (record.title, record.story) == (drill.title, drill.story)
    assert (record.expect, record.time_scale) == (drill.expect, drill.situation.time_scale)
    assert msgspec.convert(record.load, Load) == drill.load
    assert msgspec.convert(record.fault, tuple[Step, ...]) == drill.fault


@pytest.mark.parametrize("record", KNOWN.values(), ids=KNOWN)
def test_a_record_is_of_the_controls_as_they_are(record: Record) -> None:
    """What happens, and what it must cost: a bound that was moved was not measured."""
    for control, run in zip(read_drill(DRILLS[record.name]).controls, record.runs[1:], strict=True):
        fault = None if run.fault is None else msgspec.convert(run.fault, tuple[Step, ...])
        assert (control.hurts, control.fault) == (run.hurts, fault)


@pytest.mark.parametrize("record", KNOWN.values(), ids=KNOWN)
def test_a_record_is_of_the_lines_as_they_are(record: Record) -> None:
    """A line that was changed since must be drilled again: what is told of it is of another."""
    drill = read_drill(DRILLS[record.name])

    for control, run in zip(drill.controls, record.runs[1:], strict=True):
        assert [tuple(pair) for pair in run.lines] == lines_as_they_are(control)


@pytest.mark.parametrize("record", KNOWN.values(), ids=KNOWN)
def test_nobody_was_hurt_with_the_lines_and_somebody_without(record: Record) -> None:
    """The promise of this repository."""
    assert [run.called for run in record.runs if not run.holds] == []


INDEX = texts([*KNOWN.values()])[DOCS / "index.md"]
CONTROLS = [(record.runs[0], run) for record in KNOWN.values() for run in record.runs[1:]]
CELLS = [row.split(" | ")[2:4] for row in INDEX.splitlines() if row.startswith("| `")]


def test_what_a_line_is_about_is_bold() -> None:
    """Where fewer failed without it, that is told of something else: nobody takes it for better."""
    bold = [
        re.findall(r"\*\*(.+?)\*\*", words)
        for (first, run), (_, words) in zip(CONTROLS, CELLS, strict=True)
        if run.measures["failed_percent"] < first.measures["failed_percent"]
    ]

    assert len(bold) >= 5
    assert [
        each for each in bold if not each or any(re.match(r"[\d,]+ of ", word) for word in each)
    ] == []


def test_a_run_that_was_given_up_says_so_first() -> None:
    """Its failures are those until then, beside a run of another length."""
    given_up = [
        words
        for (_, run), (_, words) in zip(CONTROLS, CELLS, strict=True)
        if run.measures["unfinished"]
    ]

    assert len(given_up) >= 5
    assert [words for words in given_up if not words.startswith("**it was not over in")] == []
    assert [words for words in given_up if "until then" not in words] == []


def test_the_pages_are_those_of_the_records_and_files() -> None:
    """`make drills ARGS=--pages` writes them anew."""
    written = texts([*KNOWN.values()])

    stale = [str(file) for file, text in written.items() if (ROOT / file).read_text() != text]
    assert stale == []


def test_each_page_has_its_picture_and_nothing_is_left_over() -> None:
    """A drill that is gone takes its page with it."""
    pages = {str(DOCS / f"{name}.{kind}") for name in KNOWN for kind in ("md", "svg")}
    found = {str(file.relative_to(ROOT)) for file in (ROOT / DOCS).glob("*/*")}

    assert found == pages


def test_after_a_drill_its_picture_alone_is_drawn(tmp_path: Path) -> None:
    """The others are as they were; all pages are written, for they tell of each other."""
    name = min(KNOWN)

    write(tmp_path, drawn=name)
    pictures = [file.relative_to(tmp_path / DOCS) for file in tmp_path.rglob("*.svg")]
    assert pictures == [Path(f"{name}.svg")]
