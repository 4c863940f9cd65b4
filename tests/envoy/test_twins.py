import json
from collections.abc import Callable
from typing import Any

from document_leaves import Path, leaves

INGRESS: Path = ("ingress", "filter_chains", 0, "filters", 0, "typed_config", "http_filters")
BATCHES: Path = ("route_config", "virtual_hosts", 0, "routes", 4)
MAY_DIFFER: tuple[Path, ...] = (
    ("node",),
    # Who may do what, how much, and how many at once.
    ("static_resources", "listeners", *INGRESS, "envoy.filters.http.rbac"),
    ("static_resources", "listeners", *INGRESS, "client_limit", "typed_config", "descriptors"),
    ("static_resources", "clusters", "local_app", "circuit_breakers"),
    # Only the command side takes bodies: it waits for them, and so may hold fewer connections.
    ("static_resources", "listeners", *INGRESS, "envoy.filters.http.buffer"),
    ("static_resources", "listeners", *INGRESS[:-1], "local_reply_config", "mappers", 9),
    ("layered_runtime", "layers", "limits"),
    # A batch is not waited for, and is done apart from the rest.
    ("static_resources", "clusters", "local_app_batches"),
    ("static_resources", "listeners", *INGRESS[:-1], *BATCHES),
)
"""All in which the two sidecars differ."""


def by_name(members: list[Any], index: int, at: Path) -> str | int:
    """What a list's member is called: its name, where it has one."""
    value = members[index]
    if at[-1] == "patterns":
        return str(value)
    named = isinstance(value, dict) and "name" in value and len(members) > 1
    return str(value["name"]) if named else index


def values(document: dict[str, Any]) -> dict[Path, str]:
    """Every value by its path."""
    return {path: json.dumps(value) for path, value in leaves(document, step=by_name)}


def test_the_sidecars_differ_only_where_they_may(config: Callable[[str], dict[str, Any]]) -> None:
    """What is right for one side is right for the other, but for the paths listed above."""
    commands, queries = (values(config(name)) for name in ("command-api", "query-api"))
    differing = {path for path, _ in commands.items() ^ queries.items()}

    reasons = {path: [may for may in MAY_DIFFER if path[: len(may)] == may] for path in differing}
    assert [path for path, why in reasons.items() if not why] == []
    assert {why[0] for why in reasons.values()} == set(MAY_DIFFER), "a path listed in vain"
