"""Rules on the files themselves, for what a behaviour test would take too long to show.

Each rule has its negative control: the mutation that takes the line out, after which it fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

Part = dict[str, Any]
SIDECARS = ("command-api", "query-api")


@dataclass(frozen=True)
class Rule:
    """What holds, in which files, and how to break it."""

    says: str
    holds: Callable[[Part], bool]
    broken: Callable[[Part], object]
    files: tuple[str, ...] = SIDECARS


def listener(config: Part, name: str) -> Part:
    """A listener by name."""
    found: Part = next(x for x in config["static_resources"]["listeners"] if x["name"] == name)
    return found


def manager(config: Part, name: str) -> Part:
    """The HTTP connection manager of a listener."""
    found: Part = listener(config, name)["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def drain(config: Part, name: str) -> tuple[str | None, str | None]:
    """How a listener takes part in a drain."""
    found = listener(config, name)
    return found.get("drain_type"), found.get("traffic_direction")


def reachable(config: Part) -> list[str]:
    """The listeners that can be reached from outside the Pod."""
    return [
        each["name"]
        for each in config["static_resources"]["listeners"]
        if each["address"]["socket_address"]["address"] != "127.0.0.1"
    ]


def panic(cluster: Part) -> int | None:
    """The share of healthy hosts in per cent below which a cluster sends to all."""
    value: int | None = cluster["common_lb_config"].get("healthy_panic_threshold", {}).get("value")
    return value


def filters(config: Part) -> list[Part]:
    """The ingress' filters in order."""
    found: list[Part] = manager(config, "ingress")["http_filters"]
    return found


def order(config: Part) -> list[str]:
    """Their names."""
    return [each["name"] for each in filters(config)]


def cluster(config: Part, name: str) -> Part:
    """A cluster by name."""
    found: Part = next(x for x in config["static_resources"]["clusters"] if x["name"] == name)
    return found


def check(config: Part, name: str) -> Part:
    """The one health check of a cluster."""
    found: Part = cluster(config, name)["health_checks"][0]
    return found


def routes(config: Part, name: str = "ingress") -> list[Part]:
    """The routes of a listener."""
    found: list[Part] = manager(config, name)["route_config"]["virtual_hosts"][0]["routes"]
    return found


def checks_when_idle(config: Part, name: str) -> bool:
    """Whether a cluster is checked as often without traffic as with it."""
    return bool(check(config, name)["interval"] == check(config, name).get("no_traffic_interval"))


def every_check(config: Part) -> list[Part]:
    """The health checks of all clusters."""
    clusters = config["static_resources"]["clusters"]
    return [each for one in clusters for each in one.get("health_checks", ())]


def over_in_time(check: Part) -> bool:
    """Whether a check has been answered, or given up, before the next is due."""
    timeout, interval = (float(check.get(key, "inf").strip("s")) for key in ("timeout", "interval"))
    return timeout <= interval < float("inf")


ORDER = [
    "pod_limit",
    "jwt",
    "envoy.filters.http.health_check",
    "envoy.filters.http.rbac",
    "client_limit",
]
LAST = ["request_id", "envoy.filters.http.router"]

RULES = [
    Rule(
        "filters stand in the one safe order",
        lambda c: order(c) == [*ORDER, *LAST],
        lambda c: filters(c).insert(1, filters(c).pop(2)),
        ("query-api",),
    ),
    Rule(
        "a body is waited for when it is known whose it is and that it is allowed",
        lambda c: order(c) == [*ORDER, "envoy.filters.http.buffer", *LAST],
        lambda c: filters(c).insert(1, filters(c).pop(5)),
        ("command-api",),
    ),
    Rule(
        "ingress takes part in a drain",
        lambda c: drain(c, "ingress") == ("DEFAULT", "INBOUND"),
        lambda c: listener(c, "ingress").pop("traffic_direction"),
        (*SIDECARS, "inquiry-relay"),
    ),
    Rule(
        "egress does not",
        lambda c: drain(c, "egress") == ("MODIFY_ONLY", "OUTBOUND"),
        lambda c: listener(c, "egress").pop("drain_type"),
        ("inquiry-relay",),
    ),
    Rule(
        "only ingress and metrics can be reached from outside the Pod",
        lambda c: reachable(c) == ["ingress", "metrics"],
        lambda c: listener(c, "metrics").update(name="other"),
        (*SIDECARS, "inquiry-relay"),
    ),
    Rule(
        "the admin interface cannot",
        lambda c: c["admin"]["address"]["socket_address"]["address"] == "127.0.0.1",
        lambda c: c["admin"]["address"]["socket_address"].update(address="0.0.0.0"),  # noqa: S104 — what must not be
        (*SIDECARS, "inquiry-relay", "alb"),
    ),
    Rule(
        "an app that is not ready is never sent to",
        lambda c: panic(cluster(c, "local_app")) == 0,
        lambda c: cluster(c, "local_app").update(common_lb_config={}),
    ),
    Rule(
        "an app without traffic is checked as often",
        lambda c: checks_when_idle(c, "local_app"),
        lambda c: check(c, "local_app").pop("no_traffic_interval"),
        (*SIDECARS, "inquiry-relay"),
    ),
    Rule(
        "so is a peer",
        lambda c: checks_when_idle(c, "query-api"),
        lambda c: check(c, "query-api").pop("no_traffic_interval"),
        ("inquiry-relay", "alb"),
    ),
    Rule(
        "a check is over before the next is due",
        lambda c: all(over_in_time(each) for each in every_check(c)),
        lambda c: every_check(c)[0].update(timeout="10s"),
        (*SIDECARS, "inquiry-relay", "alb"),
    ),
    Rule(
        "liveness does not ask for readiness",
        lambda c: "health_checks" not in cluster(c, "local_app_live"),
        lambda c: cluster(c, "local_app_live").update(health_checks=[{}]),
        (*SIDECARS, "inquiry-relay"),
    ),
    Rule(
        "nothing is tried twice on the way to the app",
        lambda c: all("retry_policy" not in each.get("route", {}) for each in routes(c)),
        lambda c: routes(c)[3]["route"].update(retry_policy={"retry_on": "5xx"}),
    ),
    Rule(
        "the ALB tries nothing twice",
        lambda c: all("retry_policy" not in each.get("route", {}) for each in routes(c, "alb")),
        lambda c: routes(c, "alb")[1]["route"].update(retry_policy={"retry_on": "5xx"}),
        ("alb",),
    ),
    Rule(
        "only reads are tried again after a gateway's error",
        lambda c: "GET|HEAD" in repr(routes(c, "egress")[0]["match"]),
        lambda c: routes(c, "egress")[0]["match"].pop("headers"),
        ("inquiry-relay",),
    ),
    Rule(
        "and then on another Pod",
        lambda c: "PreviousHosts" in repr(routes(c, "egress")[0]["route"]["retry_policy"]),
        lambda c: routes(c, "egress")[0]["route"]["retry_policy"].pop("retry_host_predicate"),
        ("inquiry-relay",),
    ),
    Rule(
        "retries are a share of what runs",
        lambda c: "retry_budget" in cluster(c, "query-api")["circuit_breakers"]["thresholds"][0],
        lambda c: cluster(c, "query-api")["circuit_breakers"]["thresholds"][0].pop("retry_budget"),
        ("inquiry-relay",),
    ),
    Rule(
        "a Pod that left DNS gets nothing new",
        lambda c: cluster(c, "query-api").get("ignore_health_on_host_removal") is True,
        lambda c: cluster(c, "query-api").pop("ignore_health_on_host_removal"),
        ("inquiry-relay", "alb"),
    ),
    Rule(
        "names are absolute",
        lambda c: "svc.cluster.local.'" in repr(cluster(c, "query-api")["load_assignment"]),
        lambda c: cluster(c, "query-api").update(load_assignment="query-api-mesh.bukken"),
        ("inquiry-relay", "alb"),
    ),
    Rule(
        "a peer is asked for its name",
        lambda c: "service_name_matcher" in check(c, "query-api")["http_health_check"],
        lambda c: check(c, "query-api")["http_health_check"].pop("service_name_matcher"),
        ("inquiry-relay",),
    ),
    Rule(
        "the last route refuses",
        lambda c: routes(c)[-1].get("direct_response", {}).get("status") == 404,
        lambda c: routes(c).pop(),
    ),
    Rule(
        "rules allow, so that what no rule names is refused",
        lambda c: filters(c)[3]["typed_config"]["rules"]["action"] == "ALLOW",
        lambda c: filters(c)[3]["typed_config"]["rules"].update(action="DENY"),
    ),
    Rule(
        "the ALB fails open only when all are unhealthy",
        lambda c: all(panic(each) == 1 for each in c["static_resources"]["clusters"]),
        lambda c: cluster(c, "query-api").update(common_lb_config={}),
        ("alb",),
    ),
    Rule(
        "the ALB counts to two",
        lambda c: "retriable_statuses" in check(c, "query-api")["http_health_check"],
        lambda c: check(c, "query-api")["http_health_check"].pop("retriable_statuses"),
        ("alb",),
    ),
]

CASES = [
    pytest.param(rule, file, id=f"{file}: {rule.says}") for rule in RULES for file in rule.files
]


@pytest.mark.parametrize(("rule", "file"), CASES)
def test_each_rule_holds(rule: Rule, file: str, config: Callable[[str], Part]) -> None:
    """The file is as the rule says."""
    assert rule.holds(config(file))


@pytest.mark.parametrize(("rule", "file"), CASES)
def test_each_rule_can_fail(rule: Rule, file: str, config: Callable[[str], Part]) -> None:
    """With the line taken out, the rule no longer holds."""
    without = config(file)
    rule.broken(without)

    assert not rule.holds(without)
