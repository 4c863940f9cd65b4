"""The figures as a picture: each beside its bar."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure as Sheet

from benchmarks.figures import Figure

# Colours that the colour-blind can tell apart (Okabe and Ito, 2008).
_MET, _MISSED = "#009E73", "#D55E00"
_LONGEST: Final = 4


def draw(figures: Sequence[Figure], *, to: Path) -> None:
    """Writes it as SVG: how many times better than its bar each is, on a scale of doublings."""
    barred = [figure for figure in reversed(figures) if figure.bar]
    with mpl.rc_context({"svg.hashsalt": "figures", "svg.fonttype": "none"}):
        sheet = Sheet(figsize=(10, 0.32 * len(barred) + 1), layout="constrained")
        axes = sheet.subplots()
        times = [min(max(_times(figure), 1 / _LONGEST), _LONGEST) for figure in barred]
        colours = [_MET if figure.is_met else _MISSED for figure in barred]
        axes.barh(range(len(barred)), [each - 1 for each in times], left=1, color=colours)
        axes.set_yticks(range(len(barred)), [figure.name for figure in barred], fontsize=7)
        axes.set_xscale("log", base=2)
        axes.set_xlim(1 / _LONGEST, _LONGEST)
        axes.axvline(1, color="black", linewidth=0.8)
        for row, figure in enumerate(barred):
            axes.text(
                1.05 * _LONGEST, row, f"{figure.ratio:.3g} ({figure.bar})", fontsize=7, va="center"
            )
        axes.set_xlabel("worse than its bar  ←  1  →  better, times", fontsize=8)
        sheet.savefig(to, format="svg", metadata={"Date": None})


def _times(figure: Figure) -> float:
    if figure.at_least is not None:
        return figure.ratio / figure.at_least
    return (figure.at_most or 1) / max(figure.ratio, 1e-9)
