"""The figures: `make bench`, or `make bench ARGS="--only=reading --only=export"`.

Prints a table; writes benchmarks/results.json, docs/figures.md and its picture. What was not
measured this time stays as it was.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.changes import changes
from benchmarks.commands import commands
from benchmarks.export import export
from benchmarks.figures import FULL, SMALL, Figure, Line, Sizes
from benchmarks.inquiries import inquiries
from benchmarks.intake import intake
from benchmarks.measured import measured
from benchmarks.page import lines, page
from benchmarks.picture import draw
from benchmarks.reading import reading
from benchmarks.searching import every, growing
from benchmarks.starting import starting, state_directory

ROOT: Final = Path(__file__).parents[1]
PORT: Final = 8288  # beside a `make run` that may be up

# In this order: what only reads before what writes.
LINES: Final[Mapping[str, Line]] = {
    "reading": reading,
    "growing": growing,
    "every": every,
    "export": export,
    "commands": commands,
    "intake": intake,
    "changes": changes,
}
# On a `make run` of their own.
ALONE: Final[Mapping[str, Callable[[Callable[[str], None], Sizes], Iterator[Figure]]]] = {
    "inquiries": inquiries,
    "starting": starting,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what is asked for, and tells."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    only = options.only or [*LINES, *ALONE]
    figures: list[Figure] = []
    try:
        figures.extend(_measured(only, sizes=SMALL if options.small else FULL))
    finally:  # what was measured before something went wrong took its time
        _write(figures, to=options.to)
    if not options.only:  # what has another name now is not measured any more
        _write(figures, to=options.to, forget=True)
    for line in lines(figures):
        sys.stdout.write(line + "\n")
    _say(f"{time.monotonic() - began:.0f} s in all")
    return 0


def _measured(only: Sequence[str], *, sizes: Sizes) -> Iterator[Figure]:
    if asked := [name for name in LINES if name in only]:
        with (
            state_directory() as state,
            measured(state, port=PORT, listings=sizes.listings, few=sizes.few, say=_say) as place,
        ):
            for name in asked:
                _say(name)
                yield from _told(LINES[name](place, sizes))
    for name, line in ALONE.items():
        if name in only:
            yield from _told(line(_say, sizes))


def _told(figures: Iterator[Figure]) -> Iterator[Figure]:
    for figure in figures:
        for line in lines([figure]):
            _say(line)
        yield figure


def _write(figures: Sequence[Figure], *, to: Path, forget: bool = False) -> None:
    docs, results = to / "docs", to / "benchmarks" / "results.json"
    for folder in (docs, results.parent):
        folder.mkdir(parents=True, exist_ok=True)
    keep = results.exists() and not forget
    known = {f["name"]: f for f in json.loads(results.read_text())} if keep else {}
    known |= {figure.name: figure.record() for figure in figures}
    results.write_text(json.dumps([*known.values()], indent=2, ensure_ascii=False) + "\n")
    everything = [_figure(record) for record in known.values()]
    (docs / "figures.md").write_text(page(everything))
    draw(everything, to=docs / "figures.svg")


def _figure(record: Mapping[str, Any]) -> Figure:
    return Figure(**{name: value for name, value in record.items() if name != "machine"})


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%X')} {text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    names = [*LINES, *ALONE]
    parser.add_argument("--only", action="append", choices=names, help="this, and others so named")
    parser.add_argument("--small", action="store_true", help="some listings, to see that it runs")
    parser.add_argument("--to", type=Path, default=ROOT, help="the tree that is written to")
    return parser


if __name__ == "__main__":
    sys.exit(main())
