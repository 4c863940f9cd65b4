import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("services/*/*.md"),
    *ROOT.glob("*/README.md"),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """A reader who follows a link within the repository arrives."""
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_decision_is_in_the_list() -> None:
    """Nobody has to guess which decisions there are."""
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[^)]+)\)", (folder / "README.md").read_text(encoding="utf-8"))

    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_the_readmes_tree_is_the_repositorys() -> None:
    """Each folder the README names is there, and each folder that is there it names."""
    tree = re.findall(r"^([a-z0-9-]+)/", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._"}

    assert set(tree) == there
