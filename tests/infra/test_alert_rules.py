"""The alert rules: each can be evaluated, says what to do, and is told to somebody."""

import copy
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_rules import rules, selectors, text
from deployment.rendered import ON_AWS, one, rendered
from stack_documents import properties, statements

from infra.deploy.templates import Template

ROOT = Path(__file__).parents[2]
CASES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("alert_cases.yaml").read_text())


def manager(templates: dict[str, Template]) -> dict[str, Any]:
    """What the alert manager is told, with its topic in it."""
    body, names = properties(templates, "metrics/Workspace")["AlertManagerDefinition"]["Fn::Sub"]
    topic = names["Topic"]["Fn::ImportValue"]["Fn::Sub"]
    values = {"Topic": f"taken:{topic}", "AWS::Region": "here", "Platform": "bukken-production"}
    filled = re.sub(r"\$\{([\w:]+)\}", lambda name: values[name[1]], body)
    told: dict[str, Any] = yaml.safe_load(yaml.safe_load(filled)["alertmanager_config"])
    return told


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_rule_is_promql_about_something(rule: dict[str, Any]) -> None:
    """AWS refuses one that is not, half an hour into a deployment."""
    assert list(selectors(rule["expr"]))


def test_what_is_no_promql_is_refused() -> None:
    """The negative control."""
    with pytest.raises(ValueError, match="paren"):
        list(selectors("max(bukken_inquiries_parked > 0"))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_rule_waits_and_says_what_to_do(rule: dict[str, Any]) -> None:
    """A sentence of what is, and one of what to do; whatever lasts a minute tells nobody."""
    assert rule["for"].endswith("m")
    assert len(rule["annotations"]["summary"].split()) > 3
    assert len(rule["annotations"]["todo"].split()) > 8


def test_what_a_rule_sends_one_to_read_is_there() -> None:
    """Each page, and the heading of it that is named."""
    said = " ".join(rule["annotations"]["todo"] for rule in rules())
    named = re.findall(r'(docs/[a-z/-]+\.md), "([^"]+)"', said)

    assert named
    for page, heading in named:
        assert f"## {heading}\n" in (ROOT / page).read_text()


def test_each_alert_is_on_the_page() -> None:
    """With its threshold and its reason; and the page has no other."""
    page = (ROOT / "docs/operating/metrics.md").read_text()
    listed = re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE)

    assert listed == list(dict.fromkeys(rule["alert"] for rule in rules()))


@pytest.mark.parametrize("overlay", ON_AWS)
def test_too_few_pods_are_fewer_than_there_always_are(overlay: str) -> None:
    """As the autoscalers' minima and the relay's replicas say."""
    documents = rendered(overlay)
    least = {
        name: one(documents, "HorizontalPodAutoscaler", name)["spec"]["minReplicas"]
        for name in ("command-api", "query-api")
    } | {"inquiry-relay": one(documents, "Deployment", "inquiry-relay")["spec"]["replicas"]}
    few = [rule for rule in rules() if rule["alert"] == "TooFewPods"]

    assert {r["labels"]["workload"]: int(r["expr"].rpartition("< ")[2]) for r in few} == least
    assert all(f'workload="{rule["labels"]["workload"]}"' in rule["expr"] for rule in few)


def test_alerts_are_told_on_the_topic_and_taken_back(templates: dict[str, Template]) -> None:
    """To the one reader that every alarm has; with what to do, and in its region."""
    told = manager(templates)
    (receiver,) = told["receivers"]
    (topic,) = receiver["sns_configs"]

    assert told["route"]["receiver"] == receiver["name"]
    assert topic["topic_arn"] == "taken:${Platform}-notices-TopicArn"
    assert topic["sigv4"] == {"region": "here"}
    assert topic["send_resolved"] is True
    assert ".Annotations.summary" in topic["message"]
    assert ".Annotations.todo" in topic["message"]


def test_no_subject_is_too_long(templates: dict[str, Template]) -> None:
    """SNS takes 100 characters, and puts its own in place of more."""
    subject = manager(templates)["receivers"][0]["sns_configs"][0]["subject"]
    longest = max((rule["alert"] for rule in rules()), key=len)
    filled = subject.replace("{{ .Status }}", "resolved")
    filled = filled.replace("{{ .CommonLabels.alertname }}", longest)

    assert "{" not in filled
    assert len(filled) <= 100


def test_without_data_only_that_is_told(templates: dict[str, Template]) -> None:
    """Else the one cause comes as five alarms."""
    (rule,) = manager(templates)["inhibit_rules"]

    assert rule == {
        "source_matchers": ["alertname = NothingIsHeard"],
        "target_matchers": ["alertname != NothingIsHeard"],
    }
    assert "NothingIsHeard" in {each["alert"] for each in rules()}


@pytest.mark.parametrize(("path", "action"), [("notices/Speakers", "sns"), ("keys/Logs", "kms")])
def test_prometheus_may_speak_on_the_topic(
    path: str, action: str, templates: dict[str, Template]
) -> None:
    """On it, and with its key: without either, alerts are lost and only their log says so."""
    allowed = {
        each
        for where, statement in statements(templates)
        if where == path and "'aps.amazonaws.com'" in str(statement["Principal"])
        for each in statement["Action"]
    }
    needed = {
        "sns": {"sns:Publish", "sns:GetTopicAttributes"},
        "kms": {"kms:Decrypt", "kms:GenerateDataKey*"},
    }

    assert allowed == needed[action]


def test_only_this_accounts_prometheus_speaks(templates: dict[str, Template]) -> None:
    """A service speaks for whoever asks it to, unless the topic says for whom."""
    (statement,) = (
        statement
        for path, statement in statements(templates)
        if path == "notices/Speakers" and "'aps.amazonaws.com'" in str(statement["Principal"])
    )

    own = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert statement["Condition"]["StringEquals"] == own
    assert "${AWS::AccountId}:workspace/" in str(statement["Condition"]["ArnLike"])


def cases() -> list[dict[str, Any]]:
    """Of each alert, when it is told and when it is not."""
    return [case for test in CASES["tests"] for case in test["alert_rule_test"]]


def with_what_to_do() -> dict[str, Any]:
    """The cases as promtool wants them: each alert with all of its annotations."""
    todo = {rule["alert"]: rule["annotations"]["todo"] for rule in rules()}
    whole = copy.deepcopy(CASES)
    for test in whole["tests"]:
        for case in test["alert_rule_test"]:
            for alert in case["exp_alerts"]:
                alert["exp_annotations"]["todo"] = todo[case["alertname"]]
    return whole


def test_every_alert_has_its_cases() -> None:
    """One in which it is told, and one in which it is not."""
    told = {each["alertname"] for each in cases() if each["exp_alerts"]}
    quiet = {each["alertname"] for each in cases() if not each["exp_alerts"]}

    assert told == quiet == {rule["alert"] for rule in rules()}


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (Debian: prometheus)")
def test_each_alert_is_told_when_it_should_and_not_else(tmp_path: Path) -> None:
    """By Prometheus' own evaluation, of figures as they would come."""
    (tmp_path / "rules.yaml").write_text(text())
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(with_what_to_do()))
    done = subprocess.run(
        ["promtool", "test", "rules", "cases.yaml"],  # noqa: S607 — the one of the PATH
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=100,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
