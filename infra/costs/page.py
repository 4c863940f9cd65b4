"""The bills as a page of the documentation, with what could be switched off, and a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from infra.costs.bill import Bill

# What is there for safety or for insight, and what goes with it.
SWITCHES: Final[Mapping[str, tuple[Mapping[str, str], str]]] = {
    "`NatGateways: One`": (
        {"NatGateways": "One"},
        "a lost zone may take the way out of all; what serves goes on, new images do not come",
    ),
    '`InterfaceEndpoints: "false"`': (
        {"InterfaceEndpoints": "false"},
        "while NAT is away no Pod starts; lines and images go through NAT, by the GB",
    ),
    "`InstanceClass: db.r7g.large`": (
        {"InstanceClass": "db.r7g.large"},
        "half the memory and CPU; connections must fit (`MaxConnections: 500`)",
    ),
}
# Colours that the colour-blind can tell apart (Okabe and Ito, 2008).
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#777777")
_SHOWN: Final = 7  # stacks with a colour of their own; the rest share one


def text(bills: Sequence[Bill], *, prices: Mapping[str, Any]) -> str:
    """The page."""
    remembered = sum(each["source"] == "remembered" for each in prices["prices"].values())
    return f"""# What it costs

US dollars a month in Tokyo, without tax and without Splunk, by the prices of {prices["asOf"]}
([prices.yaml](../../infra/costs/prices.yaml)) and the use of
[sizes.yaml](../../infra/costs/sizes.yaml). `make costs` wrote this page. What is there is counted
in the templates; what is used of it is assumed.

**Not confirmed.** No price list could be asked: {remembered} of {len(prices["prices"])} prices
are from memory. Look them up before a budget rests on them, write them down, and run `make costs`.

{_table(bills)}

![Each size as a bar, stack by stack](costs.svg)

## What to switch off

Of "{bills[1].size.name}", a line in `infra/places/production.yaml` each:

{_switches(bills[1])}

Staging that nobody uses costs what the first column says, most of it for being there. To spend
less on it: take it down and make it again from its snapshot
([how](new-account.md#taking-it-down)); or stop the database, which AWS starts again after seven
days, and let the nodes be: the cluster itself cannot be stopped. Spot nodes are not used: they end
within two minutes, and a Pod may take 90 s to stop.

A year's commitment (Savings Plans for nodes, reserved instances for the database) takes about a
third off those two lines.
"""


def _table(bills: Sequence[Bill]) -> str:
    costs = [each.by_stack() for each in bills]
    stacks = sorted({name for each in costs for name in each}, key=lambda n: -costs[-2].get(n, 0))
    rows = [[f"`{name}`", *(f"{each.get(name, 0):,.0f}" for each in costs)] for name in stacks]
    rows.append(["**all**", *(f"**{each.total():,.0f}**" for each in bills)])
    head = ["stack", *(each.size.name for each in bills)]
    lines = [head, ["---", *("---:" for _ in bills)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _switches(bill: Bill) -> str:
    lines = ["| | saves | costs instead |", "| --- | ---: | --- |"]
    for name, (change, price) in SWITCHES.items():
        place = replace(bill.size.place, values={**bill.size.place.values, **change})
        less = replace(bill, size=replace(bill.size, place=place))
        lines.append(f"| {name} | {bill.total() - less.total():,.0f} | {price} |")
    return "\n".join(lines)


def draw(bills: Sequence[Bill], *, to: Path) -> None:
    """Writes the picture as SVG. The same bills give the same file, byte by byte."""
    order = sorted(bills[1].by_stack(), key=lambda name: -bills[1].by_stack()[name])
    with mpl.rc_context({"svg.hashsalt": "costs", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 3.2), layout="constrained")
        axes = figure.subplots()
        for position, bill in enumerate(bills):
            _draw_bar(axes, bill=bill, position=-position, order=order[:_SHOWN])
        axes.set_yticks([-n for n, _ in enumerate(bills)], [each.size.name for each in bills])
        axes.set_xlabel("US dollars a month")
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(
            unique.values(), unique.keys(), loc="outside lower center", ncols=4, fontsize=8
        )
        figure.savefig(to, format="svg", metadata={"Date": None})


def _draw_bar(axes: Any, *, bill: Bill, position: int, order: Sequence[str]) -> None:  # noqa: ANN401 — matplotlib's
    costs = bill.by_stack()
    shown = {name: costs.pop(name, 0.0) for name in order} | {"all others": sum(costs.values())}
    left = 0.0
    for (name, value), colour in zip(shown.items(), _COLOURS, strict=True):
        axes.barh(position, value, left=left, color=colour, label=name, height=0.6)
        left += value
