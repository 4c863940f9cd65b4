"""The alert rules of infra/cloudformation, the figures they look at, and who collects those."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser
import yaml
from promql_parser import Matcher, MatchOp, VectorSelector
from stack_documents import properties

from infra.deploy.templates import read

Document = dict[str, Any]
# One figure: its name, and its labels.
Series = tuple[str, Mapping[str, str]]


def text() -> str:
    """The rules as Prometheus gets them."""
    data: str = properties(read(), "metrics-alarms/Rules")["Data"]
    return data


def rules() -> list[Document]:
    """Every rule, of all groups."""
    return [rule for group in yaml.safe_load(text())["groups"] for rule in group["rules"]]


def selectors(expression: str) -> Iterator[VectorSelector]:
    """What of all figures an expression picks.

    Raises:
        ValueError: it is no PromQL.
    """
    found: list[VectorSelector] = []

    def look(node: object) -> None:
        if isinstance(node, VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), pre_visit=look)
    yield from found


def figures(exposition: str) -> Iterator[Series]:
    """What an exposition tells.

    A figure is written as PromQL writes what picks it. (prometheus_client's reader adds `_total`
    to each counter's name, whether it was there or not.)
    """
    for line in exposition.splitlines():
        if line and not line.startswith("#"):
            (one,) = selectors(line.rpartition(" ")[0])
            yield str(one.name), {each.name: each.value for each in one.matchers.matchers}


def picks(selector: VectorSelector, series: Series) -> bool:
    """Whether it picks this one; a label that a figure has not is an empty one."""
    name, labels = series
    return name == selector.name and all(
        _holds(each, labels.get(each.name, "")) for each in selector.matchers.matchers
    )


def _holds(matcher: Matcher, said: str) -> bool:
    pattern = matcher.op in (MatchOp.Re, MatchOp.NotRe)  # a tuple: they have no hash
    same = bool(re.fullmatch(matcher.value, said)) if pattern else said == matcher.value
    return same is not (matcher.op in (MatchOp.NotEqual, MatchOp.NotRe))


@dataclass(frozen=True)
class Job:
    """One of the questions that the collector asks each Pod."""

    described: Document

    @property
    def name(self) -> str:
        """As the label `job` says it."""
        return str(self.described["job_name"])

    @property
    def path(self) -> str:
        """What it asks for."""
        return str(self.described["metrics_path"])

    def labels(self, meta: Mapping[str, str]) -> dict[str, str] | None:
        """What it adds to each figure of a Pod that is described so; None: that is not asked."""
        added = {"job": self.name}
        for each in self.described["relabel_configs"]:
            (source,) = each["source_labels"]
            value = meta.get(source, "")
            if each.get("action") == "keep" and not re.fullmatch(each["regex"], value):
                return None
            if "target_label" in each:
                added[each["target_label"]] = value
        return added


def scrape_configuration() -> Document:
    """What the collector is told."""
    told = properties(read(), "collector/Collector")["ScrapeConfiguration"]
    configuration: Document = yaml.safe_load(told["ConfigurationBlob"]["Fn::Base64"])
    return configuration


def jobs() -> list[Job]:
    """All of its questions."""
    return [Job(each) for each in scrape_configuration()["scrape_configs"]]


def discovered(
    pod: str, *, workload: str, port: str = "metrics", phase: str = "Running"
) -> Document:
    """What discovery says of a port of a Pod (Prometheus' `kubernetes_sd_config`, role pod)."""
    meta = "__meta_kubernetes_pod_"
    return {
        f"{meta}name": pod,
        f"{meta}label_app_kubernetes_io_name": workload,
        f"{meta}container_port_name": port,
        f"{meta}phase": phase,
    }
