import json
from collections.abc import Callable, Iterator
from typing import Any

Path = tuple[str | int, ...]

INGRESS: Path = ("ingress", "filter_chains", 0, "filters", 0, "typed_config", "http_filters")
MAY_DIFFER: tuple[Path, ...] = (
    ("node",),
    ("stats_config", "stats_matcher", "inclusion_list", "patterns", "{'prefix': 'http.egress.'}"),
    ("static_resources", "listeners", "egress"),
    ("static_resources", "clusters", "query-api"),
    # Who may do what, how much, and how many at once.
    ("static_resources", "listeners", *INGRESS, "envoy.filters.http.rbac"),
    ("static_resources", "listeners", *INGRESS, "client_limit", "typed_config", "descriptors"),
    ("static_resources", "clusters", "local_app", "circuit_breakers"),
)
"""All in which the two sidecars differ."""


def leaves(part: Any, *, at: Path = ()) -> Iterator[tuple[Path, str]]:  # noqa: ANN401 — YAML
    """Every value with its path; a list's members by their names, where they have names."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from leaves(value, at=(*at, name))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            named = isinstance(value, dict) and "name" in value and len(part) > 1
            step = value["name"] if named else str(value) if at[-1] == "patterns" else index
            yield from leaves(value, at=(*at, step))
    else:
        yield at, json.dumps(part)


def test_the_sidecars_differ_only_where_they_may(config: Callable[[str], dict[str, Any]]) -> None:
    """What is right for one side is right for the other, but for the paths listed above."""
    commands, queries = (dict(leaves(config(name))) for name in ("command-api", "query-api"))
    differing = {path for path, _ in commands.items() ^ queries.items()}

    reasons = {path: [may for may in MAY_DIFFER if path[: len(may)] == may] for path in differing}
    assert [path for path, why in reasons.items() if not why] == []
    assert {why[0] for why in reasons.values()} == set(MAY_DIFFER), "a path listed in vain"
