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
from drills.lines import Line, NoSuchLine, python_line

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
    rows = file.read_text(encoding="utf-8").splitlines(keepends=True)
    number, row = python_line(rows, line.path, file=str(file))
    indentation = row[: len(row) - len(row.lstrip())]
    rows[number] = "" if line.take_out else f"{indentation}{line.set}\n"
    text = "".join(rows)
    try:
        compile(text, file, "exec")
    except SyntaxError as error:
        raise NoSuchLine(f"{file.name} without {line.path!r} is no Python: {error}") from error
    file.write_text(text, encoding="utf-8")
