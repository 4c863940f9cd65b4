import threading
from collections.abc import Callable, Iterator

import httpx
import pytest


@pytest.fixture
def drained(admin: httpx.Client) -> Iterator[None]:
    """Envoy drains for the time of a test."""
    admin.post("/healthcheck/fail")
    yield
    admin.post("/healthcheck/ok")


@pytest.fixture
def waiting_for_the_database(app_ready: threading.Event) -> Iterator[None]:
    """The app is live and not ready for the time of a test."""
    app_ready.clear()
    yield
    app_ready.set()


@pytest.mark.parametrize("path", ["/ready", "/live", "/healthz/live", "/stats/prometheus"])
def test_what_the_kubelet_and_prometheus_ask_for(path: str, metrics: httpx.Client) -> None:
    """Four paths answer."""
    assert metrics.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/quitquitquit", "/config_dump", "/healthcheck/fail", "/healthz/ready", "/healthz/lb",
     "/ready/", "/readyz", "/stats", "/stats/prometheus/../../quitquitquit", "/v1/listings",
     "/memory", "/runtime_modify?a=b", "/live/../quitquitquit"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_path_answers(method: str, path: str, metrics: httpx.Client) -> None:
    """The rest of the admin interface is behind this port, and stays there."""
    request = metrics.build_request(method, "/")
    request.extensions = {**request.extensions, "target": path.encode()}

    assert metrics.send(request).status_code == 404


@pytest.mark.usefixtures("drained")
def test_draining_is_not_dying(metrics: httpx.Client) -> None:
    """While Envoy drains it is not ready, and its liveness and the app's stay good."""
    answers = {path: metrics.get(path).status_code for path in ("/ready", "/live", "/healthz/live")}

    assert answers == {"/ready": 503, "/live": 200, "/healthz/live": 200}


@pytest.mark.usefixtures("waiting_for_the_database")
def test_waiting_for_the_database_is_not_dying(
    metrics: httpx.Client, ingress: httpx.Client, until: Callable[..., None]
) -> None:
    """An app that is not ready gets no requests, and its liveness stays good."""
    until(lambda: ingress.get("/healthz/lb").status_code == 503, what="Envoy sees it")

    assert metrics.get("/healthz/live").status_code == 200


def test_the_metrics_that_dashboards_use_are_there(
    metrics: httpx.Client, ingress: httpx.Client
) -> None:
    """The inclusion list keeps what alerts are made of, and the whole stays small."""
    ingress.get("/v1/listings")

    text = metrics.get("/stats/prometheus").text

    for name in (
        "envoy_http_downstream_rq_xx",
        "envoy_cluster_membership_healthy",
        "envoy_cluster_upstream_rq_total",
        "envoy_server_live",
        "http_local_rate_limit",
        "envoy_http_jwt_authn_denied",
        "envoy_cluster_manager_cds_update_success",
    ):
        assert name in text, name
    assert len(text.splitlines()) < 700


def test_the_place_files_as_they_are_were_taken(admin: httpx.Client) -> None:
    """Envoy is ready with a refused file as well; only these numbers tell."""
    told = admin.get("/stats?filter=(config_fail|cds.update_rejected)$").text.split("\n")
    numbers = {
        name: int(value) for name, _, value in (line.partition(": ") for line in told) if value
    }

    assert len(numbers) >= 2
    assert set(numbers.values()) == {0}


def failed(metrics: httpx.Client) -> float:
    """How many 5xx Envoy has counted at its ingress, as the alert `RequestsFail` counts them."""
    wanted = {"envoy_response_code_class": "5", "envoy_http_conn_manager_prefix": "ingress"}
    lines = metrics.get("/stats/prometheus").text.splitlines()
    found = (line for line in lines if line.startswith("envoy_http_downstream_rq_xx{"))
    picked = [line for line in found if all(f'{k}="{v}"' in line for k, v in wanted.items())]
    return sum(float(line.rpartition(" ")[2]) for line in picked)


@pytest.mark.usefixtures("drained")
def test_answers_to_health_checks_are_no_failures(
    metrics: httpx.Client, ingress: httpx.Client
) -> None:
    """A Pod that leaves says 503 to them for half a minute: no release may look like an outage."""
    before = failed(metrics)
    answers = {ingress.get("/healthz/lb").status_code for _ in range(5)}

    assert answers == {503}
    assert failed(metrics) == before


@pytest.mark.usefixtures("waiting_for_the_database")
def test_a_request_that_nobody_serves_is_a_failure(
    metrics: httpx.Client,
    ingress: httpx.Client,
    bearer: Callable[..., dict[str, str]],
    until: Callable[..., None],
) -> None:
    """The other way round: Envoy's own 503 counts, though no app has said it."""
    until(lambda: ingress.get("/healthz/lb").status_code == 503, what="Envoy sees it")
    before = failed(metrics)

    assert ingress.get("/v1/listings", headers=bearer()).status_code == 503
    assert failed(metrics) == before + 1
