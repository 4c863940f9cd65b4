"""Changes lines of Python: the Pods are given a copy of the package that has them otherwise.

A line is named by how it begins in its file, without its indentation; exactly one must begin so.
Why not a patch at run time? It would have to repeat what stands around the line, and would go on
passing when that has long been changed.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bukken_local.pods import DEPLOYMENTS
from bukken_local.processes import binaries
from drills.lines import Line, python_line
from drills.paths import NoSuchLine

_MANIFESTS: Final = tuple(f"k8s/base/{name}.yaml" for name in DEPLOYMENTS)


def as_of_the_pods(lines: Sequence[Line], *, below: Path) -> list[Line]:
    """The lines, those of Python as one of the manifests: where the changed packages lie.

    Args:
        lines: of YAML and of Python.
        below: gets a directory with the changed packages.

    Raises:
        NoSuchLine: no line begins so, more than one does, or what becomes of it is no Python.
    """
    ours = [line for line in lines if line.is_python]
    if not ours:
        return list(lines)
    directory = Path(tempfile.mkdtemp(prefix="changed-", dir=below))
    for line in ours:
        for file in line.files:
            _change(_copied(Path(file), to=directory), line)
    # Behind a colon: a path may lie in what the Pod takes for its own /tmp.
    variable = {"name": "PYTHONPATH", "value": f":{directory}"}
    path = "spec.template.spec.containers[app].env"
    others = [line for line in lines if not line.is_python]
    return [*others, Line(files=_MANIFESTS, path=path, add=variable)]


def _copied(file: Path, *, to: Path) -> Path:
    """The file in a copy of its package, which is made unless it is there."""
    package = file.parent
    while (binaries.checkout() / package.parent / "__init__.py").is_file():
        package = package.parent
    if not (to / package.name).exists():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(binaries.checkout() / package, to / package.name, ignore=ignored)
    return to / package.name / file.relative_to(package)


def _change(file: Path, line: Line) -> None:
    text = changed(file.read_text(encoding="utf-8"), [line], file=file.name)
    file.write_text(text, encoding="utf-8")


def changed(text: str, lines: Sequence[Line], *, file: str) -> str:
    """A text of Python with these lines changed.

    Raises:
        NoSuchLine: a line cannot be changed so, or is so already.
    """
    for line in lines:
        text = _changed(text, line, file=file)
    return text


def _changed(text: str, line: Line, *, file: str) -> str:
    rows = text.splitlines(keepends=True)
    number, row = python_line(rows, line.path, file=file)
    indentation = row[: len(row) - len(row.lstrip())]
    new = "" if line.take_out else f"{indentation}{line.set}\n"
    if new == row:
        raise NoSuchLine(f"{file}: {line.set!r} is there already")
    rows[number] = new
    whole = "".join(rows)
    try:
        compile(whole, file, "exec")
    except SyntaxError as error:
        raise NoSuchLine(f"{file} without {line.path!r} is no Python: {error}") from error
    return whole
