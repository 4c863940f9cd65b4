"""The budget as a picture: every node of every situation, memory and CPU filled Pod by Pod."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from k8s.node_budget.placement import Placement, Used

# Colours that the colour-blind can tell apart (Okabe and Ito, 2008).
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_RESERVED, _OTHERS = "#BBBBBB", "#777777"


def draw(placements: Sequence[Placement], *, to: Path) -> None:
    """Writes the picture as SVG: a row for each situation, a bar for each node, zone by zone.

    The same budget gives the same file, byte by byte.
    """
    colours = _colours(placements)
    most = max(len(each.nodes) for each in placements)
    with mpl.rc_context({"svg.hashsalt": "node-budget", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 2.2 * len(placements)), layout="constrained")
        rows = figure.subplots(len(placements), 2, squeeze=False)
        for placement, (memory, cpu) in zip(placements, rows, strict=True):
            _draw_nodes(memory, placement=placement, colours=colours, measure="memory")
            _draw_nodes(cpu, placement=placement, colours=colours, measure="cpu")
            memory.set(ylabel="memory, MiB", xlim=(-0.6, most - 0.4))
            cpu.set(ylabel="CPU, millicores", xlim=(-0.6, most - 0.4))
        patches = [Patch(color=colour, label=name) for name, colour in colours.items()]
        figure.legend(handles=patches, loc="outside lower center", ncols=4, fontsize=8)
        figure.savefig(to, format="svg", metadata={"Date": None})


def _colours(placements: Sequence[Placement]) -> dict[str, str]:
    """A colour for each workload of ours; the cluster's own share one."""
    names = {name for each in placements for used in each.nodes for name, _ in used.pods}
    ours = sorted(name for name in names if name.startswith("bukken/"))
    shown = dict(zip(ours, _COLOURS, strict=False))
    return {"reserved (kubelet, system, eviction)": _RESERVED, "the cluster's own": _OTHERS} | shown


def _draw_nodes(axes: Axes, *, placement: Placement, colours: dict[str, str], measure: str) -> None:
    nodes = sorted(placement.nodes, key=lambda each: each.zone)
    for position, used in enumerate(nodes):
        _draw_bar(axes, position=position, used=used, colours=colours, measure=measure)
    axes.set_title(placement.situation, fontsize=9, loc="left")
    axes.set_xticks(range(len(nodes)), [f"zone {each.zone}" for each in nodes], fontsize=7)
    axes.axhline(getattr(placement.cluster.node.capacity, measure), color="black", linewidth=0.8)


def _draw_bar(
    axes: Axes, *, position: int, used: Used, colours: dict[str, str], measure: str
) -> None:
    bottom = getattr(used.node.capacity - used.node.allocatable, measure)
    axes.bar(position, bottom, color=_RESERVED, width=0.7)
    for name, takes in sorted(used.pods, key=lambda each: each[0].startswith("bukken/")):
        height, colour = getattr(takes, measure), colours.get(name, _OTHERS)
        axes.bar(position, height, bottom=bottom, color=colour, width=0.7, edgecolor="white")
        bottom += height
