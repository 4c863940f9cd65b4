"""The figures as a table, for the terminal and for docs/figures.md."""

from collections.abc import Iterator, Sequence

from benchmarks.figures import MACHINE, Figure

HEAD = """# Figures

Measured by `make bench`, which wrote this page. All sides of a ratio are measured in one run, by
turns, on one machine; connection checks, tokens and metrics are on. How, and what was chosen by it:
[decision 0021](decisions/0021-chosen-by-measurement.md).

![each figure beside its bar](figures.svg)
"""


def page(figures: Sequence[Figure]) -> str:
    """The page, in Markdown."""
    rows = [f"| {f.name} | {f.ratio:.4g} | {f.bar} | {_dream(f)} |" for f in figures]
    table = ["| what | figure | bar | dream |", "| --- | --- | --- | --- |", *rows]
    return "\n".join([HEAD, f"{MACHINE}.\n", *table, "", *_missed(figures)])


def _missed(figures: Sequence[Figure]) -> Iterator[str]:
    missed = [figure for figure in figures if not figure.is_met]
    yield f"Bars missed: {'; '.join(f.name for f in missed) or 'none'}.\n"


def _dream(figure: Figure) -> str:
    return "" if figure.dream is None else f"{figure.dream:g}"


def lines(figures: Sequence[Figure]) -> Iterator[str]:
    """The same for a terminal."""
    for figure in figures:
        mark = " " if figure.is_met else "!"
        yield f"{mark} {figure.name:<72} {figure.ratio:>10.4g}  {figure.bar}"
