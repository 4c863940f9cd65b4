"""The relay's way to query-api, of which one Pod is well and another is not."""

# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from deployment.lines import owner_of, take_out

from bukken_local.kubernetes.dns import LookupFailed
from bukken_local.kubernetes.envoy_files import Home, resolver
from bukken_local.processes.child import Child

Change = Callable[[dict[str, Any]], object]
MESH = "query-api-mesh.bukken.svc.cluster.local."
HOSTS = "filter_chains 0 filters 0 typed_config route_config virtual_hosts"
RETRIES = f"static_resources listeners egress {HOSTS} query-api routes 0 route retry_policy"
PEER = "static_resources clusters query-api"


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What forty calls were answered with, and how many of them the other Pod's app saw.

    Attributes:
        ejected: how often a peer was left out for what it had answered.
    """

    statuses: set[int]
    seen_by_other: int
    ejected: int


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


def ejects_for_any_error(document: dict[str, Any]) -> None:
    """As Envoy does unless it is told otherwise."""
    take_out(document, f"{PEER} outlier_detection enforcing_consecutive_5xx")


def answers(status: int) -> Change:
    """A peer that is well by its health check alone."""

    def change(document: dict[str, Any]) -> None:
        owner, key = owner_of(document, f"static_resources listeners ingress {HOSTS} app routes")
        owner[key][2] = {"match": {"prefix": "/"}, "direct_response": {"status": status}}

    return change


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
            seen = len(pods[1].app.seen)
            return Calls(
                statuses=statuses,
                seen_by_other=seen,
                ejected=counted("outlier_detection.ejections_enforced_total", home=home),
            )

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
    assert forty_calls(answers(502), caller=never_ejects).statuses == {200}


@pytest.mark.parametrize("caller", [never_retries, retries_anywhere])
def test_without_either_line_it_would_be_noticed(
    caller: Change, forty_calls: Callable[..., Calls]
) -> None:
    """The controls: no second try, or one that may go to the same Pod."""
    assert forty_calls(answers(502), caller=caller).statuses == {200, 502}


def test_an_app_that_says_500_loses_no_pod(forty_calls: Callable[..., Calls]) -> None:
    """It would say so on each of them, and in the end none were left."""
    calls = forty_calls(answers(500), caller=as_it_is)

    assert (calls.statuses, calls.ejected) == ({200, 500}, 0)


def test_by_default_it_would(forty_calls: Callable[..., Calls]) -> None:
    """The control: five in a row, and the Pod is out, until a check of its health passes."""
    assert forty_calls(answers(500), caller=ejects_for_any_error).ejected > 0


def test_another_service_at_a_pods_address_gets_nothing(forty_calls: Callable[..., Calls]) -> None:
    """The health check asks who answers, not only whether somebody does."""
    calls = forty_calls(is_another_service, caller=as_it_is, well=1)

    assert (calls.statuses, calls.seen_by_other) == ({200}, 0)


def test_without_the_name_it_would_get_half(forty_calls: Callable[..., Calls]) -> None:
    """The control: a 200 is a 200."""
    assert forty_calls(is_another_service, caller=takes_any_service).seen_by_other > 0


def asks_seldom(document: dict[str, Any]) -> None:
    """Ten minutes until the next look at a name that has been found."""
    owner, key = owner_of(document, f"{PEER} cluster_type typed_config dns_refresh_rate")
    owner[key] = "600s"


def waits_as_long_after_a_failure(document: dict[str, Any]) -> None:
    """As it does unless it is told otherwise."""
    asks_seldom(document)
    take_out(document, f"{PEER} cluster_type typed_config dns_failure_refresh_rate")


def test_dns_that_failed_is_asked_again_soon(
    new_pod: Callable[..., Any], config: Callable[[str], dict[str, Any]],
    run_envoy: Callable[..., Child], new_home: Callable[[], Home], until: Callable[..., None],
    resolve: Callable[..., AbstractContextManager[int]],
) -> None:  # fmt: skip
    """Not when it would have been asked anyhow; by the control, nothing is known of the peer."""
    failing, homes = threading.Event(), [new_home(), new_home()]
    failing.set()
    names = Names({MESH: [new_pod().home.address]}, failing=failing)
    with ExitStack() as stack:
        for home, change in zip(homes, (waits_as_long_after_a_failure, asks_seldom), strict=True):
            document = config("inquiry-relay")
            change(document)
            port = stack.enter_context(resolve(names, host=home.loopback))
            run_envoy(document, home=home, arguments=tuple(resolver(host=home.loopback, port=port)))
            until(
                lambda: counted("update_failure", home=home) > 0,  # noqa: B023 — asked within the turn
                what="DNS has failed",
            )

        failing.clear()
        until(lambda: checked(homes[1]) == "1 of 1", what="the peer is found")

    assert checked(homes[0]) == "0 of 0"


class Names(dict[str, list[str]]):
    """What a DNS knows, while it does not fail."""

    def __init__(self, known: dict[str, list[str]], *, failing: threading.Event) -> None:
        super().__init__(known)
        self._failing = failing

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 — a dict's
        """The addresses behind a name.

        Raises:
            LookupFailed: it does not know whether there is such a name.
        """
        if self._failing.is_set():
            raise LookupFailed(name)
        return super().get(name, default)


def counted(name: str, *, home: Home) -> int:
    """A number of an Envoy's way to its peers; 0 while nobody answers."""
    stats = f"http://{home.loopback}:9901/stats?filter=^cluster.query-api.{name}$"
    try:
        return int(httpx.get(stats, trust_env=False).text.rpartition(":")[2] or 0)
    except httpx.TransportError:
        return 0
