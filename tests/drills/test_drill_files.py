from pathlib import Path

import pytest

from drills.checks import check
from drills.drill import DrillNotUnderstood, all_drills, read_drill
from drills.paths import NoSuchLine

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
    check(name, read_drill(DRILLS[name]))


OF_RELEASE = "{files: [k8s/base/query-api.yaml], path: spec.template.%s, take_out: true}"
ROLL = "do: roll, deployments: [query-api], lines: [%s]"
STRANGER = ROLL % (OF_RELEASE % "specs")
TWICE = ROLL % "{files: [envoy/query-api.yaml], path: node, take_out: true}"


KILL = "do: kill, deployment: query-api, container: app"
NO_SPECS = "step roll: k8s/base/query-api.yaml has no spec.template.specs"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("path: node", "path: nodes", "slip, no file: envoy/query-api.yaml has no nodes"),
        ("take_out: true", "add: {}", "slip, no file: envoy/query-api.yaml: node is there already"),
        (
            "node, take_out: true",
            "'static_resources.listeners[0]', move: admins",
            "slip, no file: envoy/query-api.yaml has no admins",
        ),
        (KILL, STRANGER, f"slip, with all lines, {NO_SPECS}"),
        (KILL, TWICE, "slip, no file, step roll: envoy/query-api.yaml has no node"),
        ("  hurts:", f"  fault: [{{{STRANGER}}}]\n  hurts:", f"slip, no file, {NO_SPECS}"),
        (
            "expect:",
            f"situation: {{before: [{{{STRANGER}}}]}}\nexpect:",
            f"slip, with all lines, {NO_SPECS}",
        ),
    ],
)
def test_a_line_that_is_not_there_is_named(old: str, new: str, told: str, tmp_path: Path) -> None:
    """Also one of a release, beside those of its control; before anything is played."""
    file = tmp_path / "slip.yaml"
    file.write_text(GOOD.replace(old, new))

    with pytest.raises(NoSuchLine) as raised:
        check("slip", read_drill(file))
    assert told in str(raised.value)


LINES = "lines: [{files: [envoy/query-api.yaml], path: node, take_out: true}]"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title:", "titel:", "unknown field `titel`"),
        ("do: kill", "do: explode", "explode"),
        ("container: app", "container: db", "container"),
        (KILL, "do: back-end, does: sleep, seconds: 1", "'sleep' - at `$.fault[0].does`"),
        (KILL, "do: surge, seconds: 1", "fault: a step is `surge`, and load.surge is 0"),
        ("{failed: 0}", "{fialed: 0}", "no measure fialed; there are failed, "),
        ("{failed: 0}", "{failed: detected}", "failed cannot be `detected`"),
        ("{failed: 0}", "{failed_mesh: 0}", "failed_mesh: load has no mesh"),
        ("{failed: 0}", "{goodput_short_percent: 9}", "no step is `capacity`"),
        ("expect: {failed: 0}", "expect: {}", "nothing is expected"),
        ("take_out: true", "take_out: true, set: 1", "exactly one of take_out, set, add"),
        (LINES, "lines: []", "at `$.controls[0].lines`"),
        ("{failed_percent: 1}", "{}", "a control without what it hurts"),
        ("{failed_percent: 1}", "{failed_percent: 0}", "a control without what it hurts"),
        ("{failed_percent: 1}", "{delivered_seconds: 1}", "load has no inquiries"),
    ],
)
def test_a_slip_of_the_pen_is_named(old: str, new: str, told: str, tmp_path: Path) -> None:
    """With the file, and what is wrong in it."""
    assert told in refusal(GOOD.replace(old, new), at=tmp_path)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("load: {reads: many}", "Expected `float`, got `str` - at `$.load.reads`"),
        ("load: {reads: -1}", "Expected `float` >= 0.0 - at `$.load.reads`"),
        ("load: {reads: 0, writes: 0}", "nobody asks anything - at `$.load`"),
        ("load: {connections: 0}", "Expected `int` >= 1 - at `$.load.connections`"),
        ("load: {burst: 9}", "burst_seconds must say"),
        ("load: {burst_writes: 9}", "burst_seconds must say"),
        (
            "load: {burst_seconds: 9}",
            "burst_seconds and sweep_seconds are of",
        ),
        (
            "load: {sweep_seconds: 9}",
            "burst_seconds and sweep_seconds are of",
        ),
        ("load: {surge: 9}", "load.surge: no step is `surge`"),
        ("situation: {before: [{do: surge, seconds: 1}]}", "situation.before: no `surge` before"),
        ("situation: {replicas: {query: 3}}", "'query' - at `key` in `$.situation.replicas`"),
        ("situation: {replicas: {query-api: 0}}", "at `$.situation.replicas[...]`"),
    ],
)
def test_settings_that_cannot_be_are_named(fields: str, told: str, tmp_path: Path) -> None:
    """Numbers that are none, and what one says and another takes back."""
    assert told in refusal(f"{GOOD}{fields}\n", at=tmp_path)


def refusal(text: str, *, at: Path) -> str:
    """What is said of such a file."""
    file = at / "slip.yaml"
    file.write_text(text)
    with pytest.raises(DrillNotUnderstood, match=r"/slip\.yaml: ") as raised:
        read_drill(file)
    return str(raised.value)


def test_the_example_is_a_drill(tmp_path: Path) -> None:
    """So that the slips above are what is wrong with it."""
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)

    assert read_drill(file).title == "A Pod is killed"


@pytest.mark.parametrize("name", ["group/drill.yml", "drill.yaml", "group/more/drill.yaml"])
def test_a_file_that_would_be_overlooked_is_named(name: str, tmp_path: Path) -> None:
    """What has another name or place than a drill's would never be played."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(GOOD)

    with pytest.raises(DrillNotUnderstood, match=f"{name}: not named GROUP/NAME.yaml"):
        list(all_drills(tmp_path))
