# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from command_api.bodies import LISTING_BYTES

Bearer = Callable[..., dict[str, str]]
Change = Callable[[dict[str, Any]], None]
Until = Callable[..., None]
ROOT = Path(__file__).parents[3]
KEY = "envoy.resource_limits.listener.ingress.connection_limit"
ALL_PLACES = 96  # the app's to work and Envoy's to wait
BUFFER = "http_filters envoy.filters.http.buffer"
WRITE = ("PUT", "/v1/listings/k")


@pytest.fixture(scope="module")
def sidecar_file() -> str:
    """The side that takes bodies."""
    return "command-api"


@pytest.fixture(scope="module")
def headers(bearer: Bearer) -> dict[str, str]:
    """Those of a back end."""
    return bearer("listings.write")


@contextmanager
def uploads(
    pod: Any, *, headers: dict[str, str], until: Until, many: int = ALL_PLACES, sent: int = 1  # noqa: ANN401 — a Pod
) -> Iterator[list[socket.socket]]:  # fmt: skip
    """As many uploads as asked for have begun; of each body, this many bytes have come."""
    head = f"PUT /v1/listings/slow HTTP/1.1\r\nhost: x\r\ncontent-length: {LISTING_BYTES}\r\n"
    head += f"authorization: {headers['authorization']}\r\n\r\n"
    with ExitStack() as stack:
        address = (pod.home.address, 8080)
        begun = [stack.enter_context(socket.create_connection(address)) for _ in range(many)]
        for each in begun:
            each.sendall(head.encode() + b"a" * sent)
        until(lambda: gauge(pod, "rq_total") >= many, what=f"{many} uploads have begun")
        come = many * (len(head) + sent)
        until(lambda: gauge(pod, "cx_rx_bytes_total") >= come, what="all that was sent has come")
        yield begun


def gauge(pod: Any, name: str) -> int:  # noqa: ANN401 — a Pod
    """A number of the ingress', as Envoy counts it."""
    text = pod.admin.get("/stats", params={"filter": f"^http.ingress.downstream_{name}$"}).text
    found = re.search(r": (\d+)", text)
    assert found, text
    return int(found[1])


def test_slow_uploads_keep_nobody_out(
    new_pod: Callable[..., Any], headers: dict[str, str], until: Until
) -> None:
    """However many clients never end their bodies; the app hears of none of them."""
    pod = new_pod()
    with uploads(pod, headers=headers, until=until):
        other = pod.ingress.request(*WRITE, headers=headers, content=b"{}")
        health = pod.health

    assert (other.status_code, health) == (200, 200)
    assert [request["path"] for request in pod.app.seen] == ["/v1/listings/k"]


def test_without_the_buffer_they_would_hold_the_app(
    new_pod: Callable[..., Any], without: Callable[..., Change], having: Callable[..., Change],
    headers: dict[str, str], until: Until,
) -> None:  # fmt: skip
    """The control: all of the app's connections wait for bodies, and nobody else gets one."""

    def change(document: dict[str, Any]) -> None:
        without(BUFFER)(document)
        having("route_config virtual_hosts app routes 3 route timeout", "1s")(document)

    pod = new_pod(change)
    with uploads(pod, headers=headers, until=until):
        other = pod.ingress.request(*WRITE, headers=headers, content=b"{}")

    assert other.status_code in {503, 504}


@pytest.mark.parametrize("sent_as", [bytes, lambda body: iter([body])], ids=["whole", "chunked"])
def test_a_body_is_as_large_as_the_app_takes(
    sent_as: Callable[[bytes], Any],
    ingress: httpx.Client,
    headers: dict[str, str],
    seen: list[dict[str, Any]],
) -> None:
    """The largest body passes; one byte more is refused, and the app never hears of it."""
    largest, larger = b"a" * LISTING_BYTES, b"a" * (LISTING_BYTES + 1)

    taken, refused = (
        ingress.request(*WRITE, headers=headers, content=sent_as(body))
        for body in (largest, larger)
    )

    assert (taken.status_code, refused.status_code, len(seen)) == (200, 413, 1)
    assert refused.json()["title"] == "Content Too Large"
    assert refused.json()["detail"] == f"The body is larger than {LISTING_BYTES // 1024} KiB."


def resident(pod: Any) -> float:  # noqa: ANN401 — a Pod
    """The memory of an Envoy, in MiB."""
    status = Path(f"/proc/{pod.envoy.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found, status
    return int(found[1]) / 1024


def memory_limit() -> int:
    """What the sidecar's container may have, in MiB."""
    manifests = yaml.safe_load_all((ROOT / "k8s/base/command-api.yaml").read_text())
    pod = next(each for each in manifests if each["kind"] == "Deployment")["spec"]["template"]
    memory: str = pod["spec"]["initContainers"][0]["resources"]["limits"]["memory"]
    return int(memory.removesuffix("Mi"))


def test_as_many_bodies_as_may_come_fit_the_container(
    new_pod: Callable[..., Any], config: Callable[[str], dict[str, Any]], headers: dict[str, str],
    until: Until,
) -> None:  # fmt: skip
    """Every connection there may be holds all of a body but its last byte."""
    layers = {each["name"]: each for each in config("command-api")["layered_runtime"]["layers"]}
    limit = layers["limits"]["static_layer"][KEY]
    pod = new_pod()

    with uploads(pod, headers=headers, until=until, many=limit - 1, sent=LISTING_BYTES - 1):
        assert resident(pod) < memory_limit()


def test_with_query_apis_limit_they_would_not(
    new_pod: Callable[..., Any], headers: dict[str, str], until: Until
) -> None:
    """The control: half of 800 connections are more than the container has."""

    def more(document: dict[str, Any]) -> None:
        document["layered_runtime"]["layers"][0]["static_layer"][KEY] = 800

    pod = new_pod(more)

    with uploads(pod, headers=headers, until=until, many=400, sent=LISTING_BYTES - 1):
        assert resident(pod) > memory_limit()


@pytest.mark.parametrize(
    ("line", "sent"),
    [("request_timeout", b"content-length: 2\r\n\r\n{"), ("request_headers_timeout", b"x")],
)
def test_who_never_ends_is_sent_away(
    line: str, sent: bytes, new_pod: Callable[..., Any], having: Callable[..., Change],
    without: Callable[..., Change], headers: dict[str, str],
) -> None:  # fmt: skip
    """408 when the file's time is over (here 0.5 s); without the line nothing ends it."""
    head = (
        f"PUT /v1/listings/k HTTP/1.1\r\nhost: x\r\nauthorization: {headers['authorization']}\r\n"
    )
    pods = [new_pod(without(line)), new_pod(having(line, "0.5s"))]
    with ExitStack() as stack:
        left_alone, ended = (
            stack.enter_context(socket.create_connection((pod.home.address, 8080))) for pod in pods
        )
        for client in (left_alone, ended):
            client.sendall(head.encode() + sent)

        ended.settimeout(10)
        assert ended.recv(100).startswith(b"HTTP/1.1 408 ")
        left_alone.settimeout(0.2)
        with pytest.raises(TimeoutError):
            left_alone.recv(1)
