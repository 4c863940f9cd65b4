"""What alert rules look at is what real Pods tell: a figure that was renamed would alarm nobody."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from alert_rules import Series, discovered, figures, jobs, picks, rules, selectors
from running_service import stopped
from waiting import wait_until

if TYPE_CHECKING:
    from system.conftest import Runner

GIVES_UP_SECONDS = 60  # Envoy sees after two that an app hangs; a busy machine needs longer


def answer(pod: dict[str, Any], *, token: str) -> int:
    """What a request at a Pod's own door is answered: at best that it has no body."""
    own = {"Authorization": f"Bearer {token}"}
    url = f"{pod['ingress_url']}/v1/listings/none"
    return httpx.put(url, headers=own, trust_env=False, timeout=20).status_code


def fail_once(runner: "Runner") -> None:
    """A Pod of command-api answers 503, and serves again: the figure of failures comes to be."""
    pod = next(each for each in runner.description["pods"] if each["deployment"] == "command-api")
    token = runner.token("listings.write")
    with stopped(pod["containers"]["app"]["pid"]):
        wait_until(
            lambda: answer(pod, token=token) == 503, what="it fails", seconds=GIVES_UP_SECONDS
        )
    wait_until(
        lambda: answer(pod, token=token) < 500, what="it serves again", seconds=GIVES_UP_SECONDS
    )


def told_by(pod: dict[str, Any]) -> Iterator[Series]:
    """All figures of a Pod with the labels that the collector adds, and `up`, which it adds too."""
    for job in jobs():
        added = job.labels(discovered(pod["name"], workload=pod["deployment"])) or {}
        text = httpx.get(f"{pod['metrics_url']}{job.path}", trust_env=False, timeout=20).text
        yield "up", added
        yield from ((name, {**labels, **added}) for name, labels in figures(text))


@pytest.fixture(scope="module")
def told(own_runner: "Runner") -> list[Series]:
    """Everything that is told by all Pods of a platform that has served, and failed once."""
    with own_runner.client("listings.read") as portal:
        assert portal.get("/v1/listings").status_code == 200
    fail_once(own_runner)
    pods = [each for each in own_runner.description["pods"] if each["deployment"]]
    return [series for pod in pods for series in told_by(pod)]


def unheard(expression: str, *, told: list[Series]) -> list[str]:
    """What of an expression no Pod tells."""
    picked = (each for each in selectors(expression) if not any(picks(each, s) for s in told))
    return [each.prettify() for each in picked]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_pods_tell_all_that_the_rule_looks_at(rule: dict[str, Any], told: list[Series]) -> None:
    """Each name with each label and value, by real Envoys and real apps."""
    assert unheard(rule["expr"], told=told) == []


@pytest.mark.parametrize("side", ["command-api", "query-api"])
def test_each_side_tells_what_its_failures_are_a_share_of(side: str, told: list[Series]) -> None:
    """`RequestsFail` is about each by itself: of one that does not count, it knows nothing."""
    (rule,) = (each for each in rules() if each["alert"] == "RequestsFail")
    own = [each for each in told if each[1]["workload"] == side]
    (total,) = {
        each.prettify()
        for each in selectors(rule["expr"])
        if all(matcher.name != "envoy_response_code_class" for matcher in each.matchers.matchers)
    }

    assert unheard(total, told=own) == []


@pytest.mark.parametrize(
    "expression",
    [
        'max(bukken_inquiries_given_up{job="app"}) > 0',
        'max(bukken_inquiries_parked{job="envoy"}) > 0',
        'rate(envoy_http_downstream_rq_xx{envoy_response_code_class="9"}[5m]) > 1',
        'sum(envoy_cluster_membership_healthy{workload="query_api"}) < 3',
    ],
)
def test_a_name_or_label_that_nobody_tells_is_found(expression: str, told: list[Series]) -> None:
    """The negative control: a figure renamed, a label or a value misspelt."""
    assert len(unheard(expression, told=told)) == 1
