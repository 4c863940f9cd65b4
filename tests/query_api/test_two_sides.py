import ast
import subprocess
import sys
from pathlib import Path

import query_api

FOLDER = Path(query_api.__file__).parent


def imported_by(path: Path) -> set[str]:
    """The top names of everything a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_query_side_never_imports_the_command_side() -> None:
    """The two are deployed, scaled and broken on their own; what both need is in contract."""
    files = list(FOLDER.rglob("*.py"))

    assert len(files) > 5
    assert [f.name for f in files if "command_api" in imported_by(f)] == []


def test_nor_does_anything_it_imports() -> None:
    """By way of a shared package it would be the same; nor does it carry the other's framework."""
    program = "import sys, query_api.__main__; print(*sys.modules)"

    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)

    loaded = set(said.stdout.decode().split())
    assert "query_api.server" in loaded
    assert loaded & {"command_api", "fastapi", "starlette", "uvicorn"} == set()
