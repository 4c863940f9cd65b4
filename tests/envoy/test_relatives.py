import json
from collections.abc import Callable
from typing import Any

from document_leaves import Path, leaves

OWN: tuple[Path, ...] = (
    ("node",),
    ("dynamic_resources",),
    ("static_resources", "listeners", "ingress"),
    ("static_resources", "listeners", "egress"),
    ("static_resources", "clusters", "query-api"),
)
"""In which the relay's sidecar is no relative of the others: who may come in, and who is called."""


def by_name(members: list[Any], index: int, at: Path) -> str | int:
    """What a list's member is called: its name, or what it matches."""
    value = members[index]
    if at[-1] in {"patterns", "routes"}:
        return json.dumps(value.get("match", value))
    return str(value["name"]) if isinstance(value, dict) and "name" in value else index


def values(document: dict[str, Any]) -> dict[Path, Any]:
    """Every value by its path, but for what is the relay's own."""
    found = leaves(document, step=by_name)
    return {path: value for path, value in found if not any(path[: len(o)] == o for o in OWN)}


def test_what_the_relays_sidecar_shares_is_as_it_is_there(
    config: Callable[[str], dict[str, Any]],
) -> None:
    """What is neither a way in nor a way out stands in command-api's file, and says the same."""
    relay, api = values(config("inquiry-relay")), values(config("command-api"))
    differing = {path for path, value in relay.items() if api.get(path) != value}

    egress = {path for path in differing if "http.egress." in str(path)}
    assert differing == egress


def test_its_ingress_takes_no_more_than_the_others(config: Callable[[str], dict[str, Any]]) -> None:
    """Its time-outs are those of command-api's, and so are its sizes."""
    relay, api = (
        {path: value for path, value in leaves(config(name), step=by_name) if is_bound(path)}
        for name in ("inquiry-relay", "command-api")
    )

    assert relay.items() <= api.items()
    assert len(relay) == 6


def is_bound(path: Path) -> bool:
    """A time-out of the ingress itself, or a size."""
    ends = ("timeout", "_kb", "_bytes")
    own = "ingress" in path and not {"route_config", "http_filters"} & {*path}
    return own and str(path[-1]).endswith(ends)
