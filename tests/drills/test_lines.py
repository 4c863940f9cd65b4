import msgspec
import pytest
import yaml

from bukken_contract.drain import DRAIN_SECONDS
from drills.lines import Line, alterations, values
from drills.paths import NoSuchLine, steps

QUERY = "k8s/base/query-api.yaml"
ENV = [{"name": "THERE", "value": "1"}]
APP = {"name": "app", "env": ENV, "ports": [8000]}
TEXT = """
kind: Service
spec: {ports: [{port: 1}]}
---
kind: Deployment
spec:
  one: &same {two: 2}
  other: *same
  containers:
  - {name: envoy, args: [a, b]}
  - {name: app, env: [{name: THERE, value: "1"}], ports: [8000]}
"""


def changed(**line: object) -> list[dict[str, object]]:
    """The documents of a text after a change of one line."""
    made = msgspec.convert({"files": [QUERY], **line}, Line)
    return list(yaml.safe_load_all(alterations([made])[QUERY](TEXT)))


def test_a_path_names_members_by_name_or_number() -> None:
    """Dots between names, brackets for a list's members; a name may hold dots itself there."""
    assert steps("a.b[envoy.filters.http.router].c[0]") == [
        "a",
        "b",
        "envoy.filters.http.router",
        "c",
        0,
    ]


def test_a_line_is_taken_out() -> None:
    """It and what is below it, and nothing else."""
    _, deployment = changed(path="spec.containers[envoy].args", take_out=True)

    assert deployment["spec"]["containers"] == [  # type: ignore[index]
        {"name": "envoy"},
        {"name": "app", "env": ENV, "ports": [8000]},
    ]


def test_behind_an_alias_one_place_is_changed() -> None:
    """YAML's aliases are one object; here each place is its own."""
    _, deployment = changed(path="spec.other.two", set=3)

    assert deployment["spec"]["one"] == {"two": 2}  # type: ignore[index]
    assert deployment["spec"]["other"] == {"two": 3}  # type: ignore[index]


def test_something_is_added_to_a_list_or_to_a_mapping() -> None:
    """A further member, or a name that was not there."""
    _, listed = changed(path="spec.containers[app].env", add={"name": "X", "value": "1"})
    _, named = changed(path="spec.containers[app].command", add=["python"])

    assert listed["spec"]["containers"][1]["env"] == [*ENV, {"name": "X", "value": "1"}]  # type: ignore[index]
    assert named["spec"]["containers"][1]["command"] == ["python"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "add"),
    [("env", {"name": "THERE", "value": "1"}), ("ports", 8000), ("name", "app")],
)
def test_what_is_there_already_cannot_be_added(path: str, add: object) -> None:
    """The control would be as all lines are; it is said what stands there."""
    with pytest.raises(NoSuchLine, match=rf"spec\.containers\[app\]\.{path} .*already"):
        changed(path=f"spec.containers[app].{path}", add=add)


def test_what_is_added_takes_the_place_of_another_of_its_name() -> None:
    """Two of a name would be one too many."""
    _, deployment = changed(path="spec.containers[app].env", add={"name": "THERE", "value": "2"})

    (app,) = [each for each in deployment["spec"]["containers"] if each["name"] == "app"]  # type: ignore[index]
    assert app["env"] == [{"name": "THERE", "value": "2"}]


ADDED = {"path": "spec.template.spec.containers[app].env", "files": [QUERY]}
DEFAULT = {"file": "contract/bukken_contract/drain.py", "path": "DRAIN_SECONDS ="}


@pytest.mark.parametrize(
    ("add", "default", "value"),
    [
        ({"name": "BUKKEN_NEW", "value": "1"}, None, None),
        ({"name": "BUKKEN_NEW", "value": "1"}, DEFAULT, f"DRAIN_SECONDS = {DRAIN_SECONDS}"),
        (
            {"name": "BUKKEN_CONSISTENCY_SECRET_FILE", "value": "elsewhere"},
            DEFAULT,
            {"name": "BUKKEN_CONSISTENCY_SECRET_FILE", "value": "/run/secrets/consistency/secrets"},
        ),
    ],
)
def test_what_holds_in_place_of_what_is_added(add: object, default: object, value: object) -> None:
    """It is kept with the record: who changes a default drills again."""
    line = msgspec.convert({**ADDED, "add": add, "default": default}, Line)

    assert values(line) == [value]


def test_a_default_that_is_not_there_is_an_error() -> None:
    """It was renamed, or is another now."""
    default = {"file": "contract/bukken_contract/drain.py", "path": "DRAIN_HOURS ="}
    line = msgspec.convert({**ADDED, "add": {"name": "X"}, "default": default}, Line)

    with pytest.raises(NoSuchLine, match=r"drain\.py: 0 lines begin 'DRAIN_HOURS ='"):
        values(line)


def test_a_default_is_of_what_is_added() -> None:
    """What is taken out or set stands in the file itself."""
    with pytest.raises(msgspec.ValidationError, match="default is of what is added"):
        msgspec.convert({**ADDED, "take_out": True, "default": DEFAULT}, Line)


def test_another_kind_of_document() -> None:
    """A manifest has several; the Deployment is meant unless the line says otherwise."""
    service, _ = changed(kind="Service", path="spec.ports[0].port", set=2)

    assert service["spec"] == {"ports": [{"port": 2}]}


@pytest.mark.parametrize(
    "line",
    [
        {"path": "spec.strategies", "take_out": True},
        {"path": "spec.containers[sidecar].args", "take_out": True},
        {"path": "spec.containers[7]", "set": {}},
        {"path": "spec.one.two", "set": 2},
        {"path": "spec.one", "add": {}},
        {"path": "spec.one", "kind": "Ingress", "set": 1},
    ],
)
def test_a_line_that_is_not_there_is_an_error(line: dict[str, object]) -> None:
    """A renamed field breaks the drill; so does a change that changes nothing."""
    with pytest.raises(NoSuchLine):
        changed(**line)


def test_a_file_that_is_not_there_is_an_error() -> None:
    """As is a path that leads nowhere."""
    with pytest.raises(NoSuchLine, match=r"there is no file envoy/gone\.yaml"):
        values(Line(files=("envoy/gone.yaml",), path="node", take_out=True))


def test_a_line_is_changed_in_one_way() -> None:
    """Taken out, set, or added."""
    with pytest.raises(ValueError, match="exactly one of"):
        Line(files=(QUERY,), path="spec", take_out=True, set=1)


def test_one_of_several_documents_is_found_by_its_name() -> None:
    """A manifest has two Services; a line names the one that is meant."""
    text = "".join(f"---\nkind: Service\nmetadata: {{name: {n}}}\nspec: 1\n" for n in ("a", "b"))
    line = Line(files=(QUERY,), kind="Service", named="b", path="spec", set=2)

    changed_text = alterations([line])[QUERY](text)

    assert [each["spec"] for each in yaml.safe_load_all(changed_text)] == [1, 2]


def test_a_member_is_moved_to_another_list() -> None:
    """It becomes the first there, and is what it was."""
    _, deployment = changed(path="spec.containers[envoy]", move="spec.containers[app].env")

    (app,) = deployment["spec"]["containers"]  # type: ignore[index]
    assert app["env"] == [{"name": "envoy", "args": ["a", "b"]}, *ENV]
