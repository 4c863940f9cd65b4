"""Tries each line of a drill on its file, before anything is played."""

from collections.abc import Sequence

from drills import lines, python_lines
from drills.drill import Drill
from drills.lines import Line
from drills.paths import NoSuchLine


def check(name: str, drill: Drill) -> None:
    """Changes all lines as the runs will, those of a release beside those of its control.

    Raises:
        NoSuchLine: a line cannot be changed; the message names the drill and where in it.
    """
    for control in (None, *drill.controls):
        called = control.name if control else "with all lines"
        standing = control.lines if control else ()
        _try(standing, where=f"{name}, {called}")
        for step in (*drill.situation.before, *drill.fault_of(control)):
            tag = step.__struct_config__.tag
            _try((*standing, *step.changes), where=f"{name}, {called}, step {tag}")


def _try(changes: Sequence[Line], *, where: str) -> None:
    for file, these in lines.by_file(changes).items():
        try:
            change = python_lines.changed if file.endswith(".py") else lines.changed
            change(lines.text_of(file), these, file=file)
        except NoSuchLine as error:
            raise NoSuchLine(f"{where}: {error}") from error
