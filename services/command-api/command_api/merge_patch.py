"""JSON Merge Patch (RFC 7396): null removes, objects merge, everything else replaces."""

from typing import Any


def merged(target: object, patch: object) -> Any:  # noqa: ANN401 — JSON is any of its types
    """The target with the patch applied, by the RFC's own pseudocode; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    members = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            members.pop(name, None)
        else:
            members[name] = merged(members.get(name), value)
    return members
