from pathlib import Path

import pytest

from drills.lines import Line, values
from drills.paths import NoSuchLine
from drills.python_lines import as_of_the_pods

SAME = '"57014": Failure.SLOW,  # statement_timeout'
FILE = "database/bukken_database/failures.py"
MANIFESTS = [f"k8s/base/{name}.yaml" for name in ("command-api", "query-api", "inquiry-relay")]


def changed(line: Line, *, below: Path) -> str:
    """The file as the Pods have it."""
    (variable,) = as_of_the_pods([line], below=below)
    assert list(variable.files) == MANIFESTS
    directory = Path(variable.add["value"].removeprefix(":"))
    return (directory / "bukken_database" / "failures.py").read_text()


def test_a_line_is_taken_out(tmp_path: Path) -> None:
    """That one alone; the rest of the package is as it is."""
    line = Line(files=(FILE,), path='"25006": Failure.GONE', take_out=True)
    (truth,) = values(line)

    text = changed(line, below=tmp_path)

    assert text == Path(FILE).read_text().replace(f"    {truth}\n", "")
    assert len(list(tmp_path.glob("*/bukken_database/*.py"))) == len(
        list(Path(FILE).parent.glob("*.py"))
    )


def test_a_line_is_set_where_it_stood(tmp_path: Path) -> None:
    """With its indentation."""
    line = Line(files=(FILE,), path='"25006": Failure.GONE', set='"25006": Failure.SLOW,')

    assert '    "25006": Failure.SLOW,\n' in changed(line, below=tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"path": '"25007"', "take_out": True}, "0 lines begin"),
        ({"path": '"57P0', "take_out": True}, "5 lines begin"),
        ({"path": "class Failure(Enum):", "take_out": True}, "is no Python"),
        ({"path": '"57014":', "set": SAME}, "is there already"),
    ],
)
def test_a_line_that_cannot_be_changed_is_an_error(
    tmp_path: Path, line: dict[str, object], told: str
) -> None:
    """No other is changed in its place."""
    with pytest.raises(NoSuchLine, match=told):
        as_of_the_pods([Line(files=(FILE,), **line)], below=tmp_path)  # type: ignore[arg-type] # of the table


def test_lines_of_yaml_stay_as_they_are(tmp_path: Path) -> None:
    """Pods get no other packages for them."""
    lines = [Line(files=("envoy/query-api.yaml",), path="node", take_out=True)]

    assert (as_of_the_pods(lines, below=tmp_path), list(tmp_path.iterdir())) == (lines, [])
