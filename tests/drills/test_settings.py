from drills import settings

PAGE = settings.page(played=())


def row(setting: str) -> list[str]:
    """What the list says of a setting: its value, drills and rules."""
    (found,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{setting}` |")]
    return [cell.strip() for cell in found.split("|")[2:-1]]


def test_a_rule_is_the_test_in_brackets_beside_a_setting() -> None:
    """Also of what it is a part of, and above it."""
    value, _, rule = row("k8s/base/query-api.yaml: spec.minReadySeconds")

    assert value == "`10`"
    assert "test_timing_budget.py" in rule


def test_a_twins_rule_stands_at_the_same_place_of_the_other() -> None:
    """command-api.yaml does not repeat what query-api.yaml says; a test holds the two equal."""
    rule = row("k8s/base/command-api.yaml: spec.minReadySeconds")[2]

    assert rule == "test_timing_budget.py, test_deployments.py"


def test_a_row_of_a_table_of_lines_is_a_rule() -> None:
    """Its test takes the line out, and changes it."""
    rule = row("envoy/query-api.yaml: clusters[local_app].health_checks[0].unhealthy_threshold")[2]

    assert "envoy/test_lines.py" in rule


def test_a_line_that_a_drill_calls_by_its_place_is_known_by_its_name_too() -> None:
    """The drill says filters[0], and that filter has a name."""
    idle = "listeners[ingress].common_http_protocol_options.idle_timeout"

    assert "keep-alive/sidecar-closes-first" in row(f"envoy/query-api.yaml: {idle}")[1]


def test_names_are_no_settings() -> None:
    """A port or a user's id weighs nothing."""
    names = ("containerPort", "port_value", "runAsUser", "BUKKEN_DATABASE_PORT")
    assert not [name for name in names if name in PAGE]


def test_the_numbers_of_the_head_are_those_of_the_rows() -> None:
    """Neither drill nor rule: two empty cells."""
    head = next(line for line in PAGE.splitlines() if " settings: " in line)
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]

    assert head.startswith(f"{len(rows)} settings: ")
    assert f"{sum(line.endswith('|  |  |') for line in rows)} with neither yet" in head


def test_every_number_has_a_drill_or_a_rule() -> None:
    """A line that carries weight says why it is there, and something fails when it is taken out."""
    assert [line for line in PAGE.splitlines() if line.endswith("|  |  |")] == []
