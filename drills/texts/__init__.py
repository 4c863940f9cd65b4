"""The words of the pages, with places for what was measured."""

from pathlib import Path


def text(name: str) -> str:
    """A page's words, for `str.format`."""
    return (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8")
