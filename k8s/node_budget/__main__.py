"""Prints the budget, draws its picture, and fails when something does not fit."""

import argparse
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from k8s.node_budget import nodes, picture, table, workloads
from k8s.node_budget.placement import Cluster, Placement
from k8s.node_budget.situations import faults, situations
from k8s.node_budget.workloads import Workload

# A table is not to be wrapped or coloured by what looks like a number in it.
_PLAIN: Any = {"highlight": False, "markup": False, "soft_wrap": True}

ROOT = Path(__file__).parents[2]


class UnrenderedError(ValueError):
    """The overlay cannot be made into manifests."""


def main(arguments: list[str] | None = None) -> int:
    """`make node-budget`: 0 when all fits, 1 with a line for each thing that does not."""
    given = _arguments().parse_args(arguments)
    try:
        placements, running = budget(nodes.read(given.nodes), documents=render(given.overlay))
    except (ValueError, OSError, yaml.YAMLError) as error:
        return _refuse([" ".join(str(error).split())])
    console = Console(**_PLAIN)
    console.print(table.of(placements, running=running))
    refused = list(faults(placements))
    # A budget that does not hold stays off the page: it would be read as one that does.
    if given.page and not refused:
        given.page.write_text(page(placements, running=running), encoding="utf-8")
        picture.draw(placements, to=given.page.with_suffix(".svg"))
        console.print(f"The page, with its picture: {given.page}")
    return _refuse(refused)


def budget(
    described: dict[str, Any], *, documents: Iterable[dict[str, Any]]
) -> tuple[list[Placement], list[Workload]]:
    """Every situation with its Pods in place, and the workloads they are of.

    Raises:
        ValueError: something cannot be counted, or the nodes are not described, or not known.
    """
    nodes.check(described)
    running = [*workloads.from_manifests(documents), *workloads.of_the_cluster(described)]
    cluster = Cluster(
        zones=tuple(described["zones"]),
        **described["nodesPerZone"],
        node=nodes.node(described),
        every_node=workloads.on_every_node(described),
    )
    return list(situations(running, cluster=cluster)), running


def page(placements: list[Placement], *, running: list[Workload]) -> str:
    """The budget as a page of the documentation; its picture lies beside it."""
    return f"""# Node budget

Do the Pods that may run at once fit on the nodes that may run at once? `make node-budget` wrote
this page from `k8s/production` and [nodes.yaml](../../k8s/cluster/nodes.yaml), and fails when they
do not. A container counts with its memory limit; one without is refused by name, since nobody can
count it. "maximum" is the middle of a rolling update at the autoscaler's maximum, with the Pods
that still end.

```text
{table.of(placements, running=running)}
```

![Each node of each situation, its memory and CPU filled Pod by Pod](node-budget.svg)
"""


def render(overlay: Path) -> list[dict[str, Any]]:
    """The overlay's manifests, as kubectl would apply them.

    Raises:
        UnrenderedError: kubectl cannot make them; its own words are in the message.
        OSError: there is no kubectl.
    """
    command = ["kubectl", "kustomize", str(overlay)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise UnrenderedError(f"{' '.join(command)}: {done.stderr}")
    return list(yaml.safe_load_all(done.stdout))


def _refuse(reasons: list[str]) -> int:
    console = Console(stderr=True, **_PLAIN)
    for each in reasons:
        console.print(f"node-budget: {each}")
    return 1 if reasons else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m k8s.node_budget",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--overlay", type=Path, default=ROOT / "k8s/production", help="what runs")
    parser.add_argument(
        "--nodes", type=Path, default=ROOT / "k8s/cluster/nodes.yaml", help="what it runs on"
    )
    parser.add_argument("--page", type=Path, help="also write it, with its picture, as this page")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
