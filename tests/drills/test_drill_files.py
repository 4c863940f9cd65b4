from pathlib import Path

import pytest

from drills.drill import DrillNotUnderstood, all_drills, read_drill
from drills.lines import values

DRILLS = dict(all_drills())
GOOD = """
title: A Pod is killed
story: It is.
fault: [{do: kill, deployment: query-api, container: app}]
expect: {failed: 0}
controls:
- name: no file
  protects: nothing
  lines: [{files: [envoy/query-api.yaml], path: node, take_out: true}]
  hurts: {failed_percent: 1}
"""


@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_is_about_lines_that_are_there(name: str) -> None:
    """A field that was renamed or removed breaks its drill."""
    drill = read_drill(DRILLS[name])

    for control in drill.controls:
        assert all(len(values(line)) == len(line.files) for line in control.lines)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title:", "titel:", "unknown field `titel`"),
        ("do: kill", "do: explode", "explode"),
        ("container: app", "container: db", "container"),
        ("{failed: 0}", "{fialed: 0}", "no measure fialed; there are failed, "),
        ("take_out: true", "take_out: true, set: 1", "exactly one of take_out, set, add"),
        ("controls:", "load: {reads: many}\ncontrols:", "Expected `float`, got `str`"),
        ("{failed_percent: 1}", "{}", "a control without what it hurts"),
        ("{failed_percent: 1}", "{failed_percent: 0}", "a control without what it hurts"),
        ("expect: {failed: 0}", "expect: {}", "nothing is expected"),
        ("{failed: 0}", "{failed: detected}", "failed cannot be `detected`"),
    ],
)
def test_a_slip_of_the_pen_is_named(old: str, new: str, told: str, tmp_path: Path) -> None:
    """With the file, and what is wrong in it."""
    file = tmp_path / "slip.yaml"
    file.write_text(GOOD.replace(old, new))

    with pytest.raises(DrillNotUnderstood, match=r"/slip\.yaml: ") as raised:
        read_drill(file)
    assert told in str(raised.value)


def test_the_example_is_a_drill(tmp_path: Path) -> None:
    """So that the slips above are what is wrong with it."""
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)

    assert read_drill(file).title == "A Pod is killed"
