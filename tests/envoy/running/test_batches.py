"""A batch goes through as it comes, and keeps nobody out but other batches."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from command_api.bodies import BATCH_BYTES, LISTING_BYTES
from command_api.settings import Settings

Bearer = Callable[..., dict[str, str]]
Until = Callable[..., None]
ROOT = Path(__file__).parents[3]
BATCH = ("POST", "/v1/batches/listings")
ROUTE = "route_config virtual_hosts app routes 3"
AT_ONCE = 4


@pytest.fixture(scope="module")
def sidecar_file() -> str:
    """The side that takes batches."""
    return "command-api"


@pytest.fixture(scope="module")
def headers(bearer: Bearer) -> dict[str, str]:
    """Those of a back end."""
    return bearer("listings.write")


def test_a_batch_is_larger_than_a_listing(
    ingress: httpx.Client, new_pod: Callable[..., Any], without: Callable[..., Any],
    headers: dict[str, str],
) -> None:  # fmt: skip
    """Its route has no buffer; by the control, with one it would be 413."""
    control, body = new_pod(without(f"{ROUTE} typed_per_filter_config")), b" " * (LISTING_BYTES + 1)

    taken, refused = (
        client.request(*BATCH, headers=headers, content=body)
        for client in (ingress, control.ingress)
    )

    assert (taken.status_code, refused.status_code) == (200, 413)


def counted(pod: Any, name: str) -> int:  # noqa: ANN401 — a Pod
    """A number of the batches' cluster."""
    text = pod.admin.get("/stats", params={"filter": f"^cluster.local_app_batches.{name}$"}).text
    found = re.search(r": (\d+)", text)
    return int(found[1]) if found else 0


@contextmanager
def uploads(
    pod: Any, *, headers: dict[str, str], until: Until, sent: int  # noqa: ANN401 — a Pod
) -> Iterator[None]:  # fmt: skip
    """Batches hold all places there are: of each body, this many bytes were sent."""
    head = f"POST {BATCH[1]} HTTP/1.1\r\nhost: x\r\ncontent-length: {BATCH_BYTES}\r\n"
    head += f"authorization: {headers['authorization']}\r\n\r\n"
    with ExitStack() as stack:
        # One kind of place after the other: who waits for a connection to be made waits as well.
        for gauge in ("upstream_rq_active", "upstream_rq_pending_active"):
            for _ in range(AT_ONCE):
                each = stack.enter_context(socket.create_connection((pod.home.address, 8080)))
                each.sendall(head.encode())
                each.setblocking(False)
                send_what_is_taken(each, b"a" * sent)
            until(lambda name=gauge: counted(pod, name) == AT_ONCE, what=f"{gauge} is {AT_ONCE}")
        yield


def send_what_is_taken(client: socket.socket, body: bytes) -> None:
    """Sends until nobody reads on."""
    try:
        while body:
            body = body[client.send(body) :]
    except BlockingIOError:
        return


def test_slow_batches_keep_out_only_batches(
    new_pod: Callable[..., Any], headers: dict[str, str], until: Until
) -> None:
    """With all their places held, a PUT is answered, and the next batch refused at once."""
    pod = new_pod()
    with uploads(pod, headers=headers, until=until, sent=1):
        put = pod.ingress.put("/v1/listings/k", headers=headers, content=b"{}")
        batch = pod.ingress.request(*BATCH, headers=headers, content=b"{}")

    assert (put.status_code, batch.status_code, batch.headers["retry-after"]) == (200, 503, "1")


def test_batches_are_not_held_in_envoy(
    new_pod: Callable[..., Any], headers: dict[str, str], until: Until
) -> None:
    """All places filled with bodies are less than 16 MiB of memory, where they would be 80."""
    pod = new_pod()
    before = resident(pod)

    with uploads(pod, headers=headers, until=until, sent=BATCH_BYTES - 1):
        assert resident(pod) - before < 16


def resident(pod: Any) -> float:  # noqa: ANN401 — a Pod
    """The memory of an Envoy, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pod.envoy.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def test_envoy_sends_no_more_batches_than_the_app_takes() -> None:
    """The circuit breaker is the app's own number: what passes finds a place."""
    config = yaml.safe_load((ROOT / "envoy/command-api.yaml").read_text())
    clusters = {each["name"]: each for each in config["static_resources"]["clusters"]}
    (thresholds,) = clusters["local_app_batches"]["circuit_breakers"]["thresholds"]

    assert thresholds == {"max_connections": AT_ONCE, "max_pending_requests": AT_ONCE}
    assert Settings.model_fields["batches"].default == AT_ONCE
