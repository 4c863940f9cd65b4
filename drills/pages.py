"""The pages below docs/drills, made from what is kept of the runs and from the files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from bukken_local.processes import binaries
from drills import model, settings
from drills.drill import all_drills
from drills.picture import draw
from drills.record import Played, Record, records
from drills.texts import text

DOCS: Final = Path("docs") / "drills"
WORDS: Final = {
    "slowest_seconds": "slowest {:.2g} s",
    "slow_percent": "{:.2g} % slow",
    "back_to_normal_seconds": "normal after {:.2g} s",
    "first_write_seconds": "first write after {:.2g} s",
    "delivered_seconds": "last delivery after {:.2g} s",
    "goodput_short_percent": "{:.2g} % of the capacity unused",
}
"""What the index says of a control that is about no failure."""


def write(root: Path | None = None, *, drawn: str | None = None) -> None:
    """Writes all of them; a drill that was never played has no page.

    Args:
        root: of the checkout; this one's.
        drawn: the one drill whose picture is drawn; all, where none is named. A picture takes a
            second: all of them after each drill of a round were a fifth of it.
    """
    root = root or binaries.checkout()
    known = records()
    for file, written in texts(known).items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(written, encoding="utf-8")
    for record in known:
        if drawn in (None, record.name):
            draw(record, to=root / DOCS / f"{record.name}.svg")
    kept = {root / DOCS / f"{record.name}.{kind}" for record in known for kind in ("md", "svg")}
    for left in {*(root / DOCS).glob("*/*")} - kept:
        left.unlink()


def texts(known: Sequence[Record]) -> Mapping[Path, str]:
    """Each page's text, by its path from the root."""
    pages = {DOCS / f"{record.name}.md": _page(record) for record in known}
    return {
        **pages,
        DOCS / "index.md": _index(known),
        DOCS / "model.md": model.page(),
        DOCS / "settings.md": settings.page(played={record.name for record in known}),
    }


def _index(known: Sequence[Record]) -> str:
    rows = "".join(f"{row}\n" for row in _rows(known))
    timed = [record.seconds for record in known if record.seconds]
    return text("index").format(
        rows=rows,
        drills=len(known),
        timed=len(timed),
        minutes=sum(timed) / 60,
        waiting=_not_played(known),
    )


def _rows(known: Sequence[Record]) -> Iterator[str]:
    for record in known:
        first, *controls = record.runs
        for run in controls:
            lines = "<br>".join(f"`{line}`" for line, _ in run.lines)
            gaps = f"{first.measures['gap_seconds']:.2g} / {run.measures['gap_seconds']:.2g}"
            link = f"[{record.name}]({record.name}.md)"
            cells = (lines, run.protects, _beside(first, run), _beside(run, run), gaps, link)
            yield f"| {' | '.join(cells)} |"


def _beside(run: Played, control: Played) -> str:
    """Who was hurt, with what the control is about where that is no failure."""
    about = [verdict.partition(" ")[0] for verdict in control.verdicts]
    more = [(name, WORDS[name].format(run.measures[name])) for name in about if name in WORDS]
    worse = {_family(name) for name in run.hurts}
    every = [(name, words.replace(" failed", "", 1)) for name, words in run.words] + more
    return "; ".join(f"**{words}**" if name in worse else words for name, words in every)


def _family(measure: str) -> str:
    """The measure in whose words it is told: a share's, or that of one kind of request."""
    if measure.startswith("patient_failed"):
        return "patient_failed"
    return "failed" if measure.startswith("failed") else measure


def _short(run: Played) -> str:
    return run.told.replace(" failed", "", 1)


def _not_played(known: Sequence[Record]) -> str:
    there = {record.name for record in known}
    waiting = [name for name, _ in all_drills() if name not in there]
    return f"\nNot played yet: {', '.join(waiting)}.\n" if waiting else ""


def _page(record: Record) -> str:
    return text("drill").format(
        title=record.title,
        story=record.story.strip(),
        name=record.name.rpartition("/")[2],
        whole=record.name,
        runs="".join(f"{row}\n" for row in _runs(record)),
        fault=_flow(record.fault),
        load=_flow(_of_load(record.load)),
        factor=record.time_scale,
        machine=record.machine,
        up="../" * record.name.count("/"),
        controls="".join(_control(run) for run in record.runs[1:]),
    )


def _runs(record: Record) -> Iterator[str]:
    for run in record.runs:
        gap, slowest = run.measures["gap_seconds"], run.measures["slowest_seconds"]
        holds = "yes" if run.holds else "**no**"
        why = "; ".join(run.verdicts)
        yield f"| {run.called} | {_short(run)} | {gap:.2g} | {slowest:.2g} | {holds}: {why} |"


def _control(run: Played) -> str:
    lines = "\n".join(f"- `{line}`{_value(value)}" for line, value in run.lines)
    answers = ", ".join(f"{status}: {times:,}" for status, times in run.statuses.items())
    called = f"{run.called[:1].upper()}{run.called[1:]}"
    instead = f"What happened here: {_flow(run.fault)}.\n\n" if run.fault else ""
    return text("control").format(
        called=called, protects=run.protects, lines=lines, instead=instead, answers=answers
    )


def _value(value: Any) -> str:  # noqa: ANN401 — of any type there is in a file
    if value is None:
        return " (nothing; something was added)"
    return f": {_flow(value)}"


def _of_load(load: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in load.items() if value}


def _flow(value: Any) -> str:  # noqa: ANN401 — of any type there is in a file
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return f"`{written.strip().removesuffix('...').strip()}`"
