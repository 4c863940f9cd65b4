"""The relay's Deployment is query-api's, but for what a Pod is that calls and is not called."""

import json
from typing import Any

from deployment.rendered import base_document
from document_leaves import Path, leaves

POD: Path = ("spec", "template", "spec")
MAY_DIFFER: tuple[Path, ...] = (
    # Two are enough, so no autoscaler has a say.
    ("spec", "replicas"),
    # Nobody's traffic has to leave, so it is told to stop at once.
    (*POD, "terminationGracePeriodSeconds"),
    (*POD, "containers", "app", "lifecycle"),
    # Another start command of the command side's image, on the writer.
    (*POD, "containers", "app", "image"),
    (*POD, "containers", "app", "command"),
    (*POD, "containers", "app", "env"),
    # A client's secret of its own.
    (*POD, "containers", "app", "volumeMounts"),
    (*POD, "volumes"),
    # It idles.
    (*POD, "containers", "app", "resources"),
    (*POD, "initContainers", 0, "resources", "requests", "cpu"),
)
"""All in which the two differ, once the name is the same."""


def by_name(members: list[Any], index: int, _: Path) -> str | int:
    """What a list's member is called: its name, where it has one and is not alone or is the app."""
    value = members[index]
    named = isinstance(value, dict) and "name" in value
    return str(value["name"]) if named and value["name"] != "envoy" else index


def values(document: dict[str, Any]) -> dict[Path, str]:
    """Every value by its path."""
    return {path: json.dumps(value) for path, value in leaves(document, step=by_name)}


def test_the_relay_differs_only_where_it_may() -> None:
    """What is right for a Pod that serves is right for it, but for the paths listed above."""
    relay = json.loads(
        json.dumps(base_document("inquiry-relay", "Deployment")).replace(
            "inquiry-relay", "query-api"
        )
    )
    own, api = values(relay), values(base_document("query-api", "Deployment"))
    differing = {path for path, _ in own.items() ^ api.items()}

    reasons = {path: [may for may in MAY_DIFFER if path[: len(may)] == may] for path in differing}
    assert [path for path, why in reasons.items() if not why] == []
    assert {why[0] for why in reasons.values()} == set(MAY_DIFFER), "a path listed in vain"


def test_its_budget_is_theirs() -> None:
    """One at a time, and what is not ready holds up no drain."""
    own, api = (
        base_document(name, "PodDisruptionBudget") for name in ("inquiry-relay", "query-api")
    )
    del own["spec"]["selector"], api["spec"]["selector"]

    assert own["spec"] == api["spec"]
