"""A drill as a picture: requests over time, with all lines and without some."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure as Sheet

from drills.record import BIN_SECONDS, Played, Record

# Colours that the colour-blind can tell apart (Okabe and Ito, 2008).
KINDS: Final = (("answered", "#009E73"), ("slow", "#F0E442"), ("failed", "#D55E00"))
_PANEL_INCHES: Final = 1.7


def draw(record: Record, *, to: Path) -> None:
    """Writes it as SVG, a panel for each run."""
    with mpl.rc_context({"svg.hashsalt": record.name, "svg.fonttype": "none"}):
        height = _PANEL_INCHES * len(record.runs) + 0.9
        sheet = Sheet(figsize=(9, height), layout="constrained")
        panels = sheet.subplots(len(record.runs), sharex=True, sharey=True, squeeze=False)
        for (axes,), run in zip(panels, record.runs, strict=True):
            _draw_run(run, axes=axes)
        panels[-1][0].set_xlabel("seconds since it happened", fontsize=8)
        sheet.legend(*_key(panels[0][0]), loc="outside upper right", ncols=3, fontsize=8)
        sheet.suptitle(record.title, x=0.01, ha="left", fontsize=10)
        to.parent.mkdir(parents=True, exist_ok=True)
        sheet.savefig(to, format="svg", metadata={"Date": None})


def _draw_run(run: Played, *, axes: Any) -> None:  # noqa: ANN401 — matplotlib's Axes
    below = [0.0] * len(run.bins)
    for kind, colour in KINDS:
        rates = [getattr(each, kind) / BIN_SECONDS for each in run.bins]
        where = [each.at for each in run.bins]
        axes.bar(where, rates, BIN_SECONDS, bottom=below, color=colour, align="edge", label=kind)
        below = [low + high for low, high in zip(below, rates, strict=True)]
    for moment in (0, run.fault_seconds):
        axes.axvline(moment, color="black", linewidth=0.7, linestyle=":")
    axes.set_title(f"{run.called}: {run.told}", fontsize=8, loc="left")
    axes.tick_params(labelsize=7)
    axes.set_ylabel("requests/s", fontsize=7)


def _key(axes: Any) -> tuple[list[Any], list[str]]:  # noqa: ANN401 — matplotlib's Axes
    handles, labels = axes.get_legend_handles_labels()
    return list(handles), list(labels)
