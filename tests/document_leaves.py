"""A document's values with their paths, so that two documents can be compared."""

from collections.abc import Callable, Iterator
from typing import Any

Path = tuple[str | int, ...]
"""Where in a document something is: keys and indices from the root."""


def leaves(
    part: Any,  # noqa: ANN401 — a YAML document has any shape
    *,
    at: Path = (),
    step: Callable[[list[Any], int, Path], str | int] = lambda _list, index, _at: index,
) -> Iterator[tuple[Path, Any]]:
    """Every value with its path.

    Args:
        part: the document.
        at: where it is in a larger one.
        step: what a list's member is called, given the list, its index and the list's path.
    """
    if isinstance(part, dict):
        for name, value in part.items():
            yield from leaves(value, at=(*at, name), step=step)
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from leaves(value, at=(*at, step(part, index, at)), step=step)
    else:
        yield at, part
