"""The relay's way to query-api, of which one Pod is well and another is not."""

# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from deployment.lines import owner_of, take_out

from bukken_local.kubernetes.envoy_files import Home, resolver
from bukken_local.processes.child import Child

Change = Callable[[dict[str, Any]], object]
MESH = "query-api-mesh.bukken.svc.cluster.local."
HOSTS = "filter_chains 0 filters 0 typed_config route_config virtual_hosts"
RETRIES = f"static_resources listeners egress {HOSTS} query-api routes 0 route retry_policy"
PEER = "static_resources clusters query-api"


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What forty calls were answered with, and how many of them the other Pod's app saw."""

    statuses: set[int]
    seen_by_other: int


def as_it_is(_: dict[str, Any]) -> None:
    """No change."""


def never_ejects(document: dict[str, Any]) -> None:
    """However often a peer fails it stays: a test of retries must not be one of ejections."""
    owner, key = owner_of(
        document, f"{PEER} outlier_detection enforcing_consecutive_gateway_failure"
    )
    owner[key] = 0


def never_retries(document: dict[str, Any]) -> None:
    """The first answer is the answer."""
    never_ejects(document)
    take_out(document, RETRIES)


def retries_anywhere(document: dict[str, Any]) -> None:
    """The Pod that failed is as good as another."""
    never_ejects(document)
    take_out(document, f"{RETRIES} retry_host_predicate")


def takes_any_service(document: dict[str, Any]) -> None:
    """Whoever says 200 is taken for query-api."""
    take_out(document, f"{PEER} health_checks 0 http_health_check service_name_matcher")


def answers_502(document: dict[str, Any]) -> None:
    """A peer that is well by its health check alone."""
    owner, key = owner_of(document, f"static_resources listeners ingress {HOSTS} app routes")
    owner[key][2] = {"match": {"prefix": "/"}, "direct_response": {"status": 502}}


def is_another_service(document: dict[str, Any]) -> None:
    """One that has by now the address of a Pod that is gone."""
    document["node"]["cluster"] = "another"


@pytest.fixture
def forty_calls(
    new_pod: Callable[..., Any], config: Callable[[str], dict[str, Any]],
    run_envoy: Callable[..., Child], new_home: Callable[[], Home],
    bearer: Callable[..., dict[str, str]], until: Callable[..., None],
    resolve: Callable[..., AbstractContextManager[int]],
) -> Iterator[Callable[..., Calls]]:  # fmt: skip
    """Calls query-api, which has a Pod that is well and this other one."""
    with ExitStack() as stack:

        def call(other: Change, *, caller: Change, well: int = 2) -> Calls:
            pods, home, document = [new_pod(), new_pod(other)], new_home(), config("inquiry-relay")
            caller(document)
            names = {MESH: [pod.home.address for pod in pods]}
            port = stack.enter_context(resolve(names, host=home.loopback))
            run_envoy(document, home=home, arguments=tuple(resolver(host=home.loopback, port=port)))
            until(lambda: checked(home) == f"{well} of 2", what=f"{well} of 2 peers are well")
            headers = bearer() | {"host": "query-api"}
            url = f"http://{home.loopback}:9001/v1/listings/k"
            statuses = {
                httpx.get(url, headers=headers, trust_env=False).status_code for _ in range(40)
            }
            return Calls(statuses=statuses, seen_by_other=len(pods[1].app.seen))

        yield call


def checked(home: Home) -> str:
    """How many peers are well, of how many that were checked at least once."""
    try:
        text = httpx.get(f"http://{home.loopback}:9901/clusters", trust_env=False).text
    except httpx.TransportError:
        return "nobody"
    flags = [line for line in text.splitlines() if "query-api::127" in line]
    well = sum(line.endswith("health_flags::healthy") for line in flags)
    asked = sum("::rq_total::" in line for line in flags)
    return f"{well} of {asked}"


def test_a_read_is_tried_on_another_pod(forty_calls: Callable[..., Calls]) -> None:
    """A peer that answers 502 is noticed by nobody."""
    assert forty_calls(answers_502, caller=never_ejects).statuses == {200}


@pytest.mark.parametrize("caller", [never_retries, retries_anywhere])
def test_without_either_line_it_would_be_noticed(
    caller: Change, forty_calls: Callable[..., Calls]
) -> None:
    """The controls: no second try, or one that may go to the same Pod."""
    assert forty_calls(answers_502, caller=caller).statuses == {200, 502}


def test_another_service_at_a_pods_address_gets_nothing(forty_calls: Callable[..., Calls]) -> None:
    """The health check asks who answers, not only whether somebody does."""
    calls = forty_calls(is_another_service, caller=as_it_is, well=1)

    assert (calls.statuses, calls.seen_by_other) == ({200}, 0)


def test_without_the_name_it_would_get_half(forty_calls: Callable[..., Calls]) -> None:
    """The control: a 200 is a 200."""
    assert forty_calls(is_another_service, caller=takes_any_service).seen_by_other > 0
