"""What Fluent Bit leaves out of the lines that a real Envoy writes (k8s/cluster/addons.yaml).

Fluent Bit itself runs nowhere here; its `grep` matches these patterns against a line's text, and
leaves the line out when all of them match.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

from bukken_local.processes.child import Child

ADDONS = Path(__file__).parents[3] / "k8s/cluster/addons.yaml"


def left_out(line: str) -> bool:
    """Whether the filter takes it out."""
    addons: list[dict[str, Any]] = yaml.safe_load(ADDONS.read_text())
    (fluent_bit,) = (each for each in addons if each["name"] == "fluent-bit")
    filters = fluent_bit["configuration"]["config"]["filters"]
    patterns = re.findall(r"^ *Exclude log (.+)$", filters, re.MULTILINE)
    return bool(patterns) and all(re.search(each, line) for each in patterns)


def test_good_answers_are_left_out_and_all_else_stays(
    ingress: httpx.Client, admin: httpx.Client, envoy: Child,
    bearer: Callable[..., dict[str, str]], until: Callable[..., None],
) -> None:  # fmt: skip
    """Of lines that Envoy did write, the good one goes; the refused one and other logs stay."""
    admin.post("/runtime_modify?access_log.success_sample=100")
    good = ingress.get("/v1/listings/good", headers=bearer()).headers["x-request-id"]
    refused = ingress.get("/v1/listings/refused").headers["x-request-id"]
    until(lambda: refused in envoy.log.read_text(), what="both are logged")
    lines = envoy.log.read_text().splitlines()
    (of_the_good,) = (line for line in lines if good in line)

    assert left_out(of_the_good)
    assert [line for line in lines if left_out(line) and good not in line] == []
    assert not left_out(of_the_good.replace('"duration_ms":', '"duration_ms":1000'))
    assert not left_out(re.sub(r'"flags":[^,}]+', '"flags":"UF"', of_the_good))
