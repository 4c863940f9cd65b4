import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from bukken_local.kubernetes.envoy_files import Home
from bukken_local.processes.child import Child

LIMIT = 5
KEY = "envoy.resource_limits.listener.ingress.connection_limit"
PROBES = ("/live", "/ready", "/healthz/live", "/stats/prometheus")


@pytest.fixture(scope="module")
def changed() -> Callable[[dict[str, Any]], None]:
    """Five connections are as many as the file's own number."""

    def shrink(document: dict[str, Any]) -> None:
        layers = {layer["name"]: layer for layer in document["layered_runtime"]["layers"]}
        assert KEY in layers["limits"]["static_layer"]
        layers["limits"]["static_layer"][KEY] = LIMIT

    return shrink


@contextmanager
def full(address: tuple[str, int], *, until: Callable[..., None]) -> Iterator[None]:
    """As many connections as may come in are open, and nobody uses them."""
    with ExitStack() as held:

        def three_are_refused() -> bool:
            return all(_is_refused(address, kept_by=held) for _ in range(3))

        until(three_are_refused, what="connections are refused")
        yield


def _is_refused(address: tuple[str, int], *, kept_by: ExitStack) -> bool:
    """Whether one connection more is; one that is taken is kept, and takes a place."""
    one_more = kept_by.enter_context(socket.create_connection(address))
    one_more.settimeout(0.3)
    try:
        return one_more.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_an_overload_of_connections_is_no_reason_to_be_killed(
    envoy: Child, home: Home, until: Callable[..., None]
) -> None:
    """The ingress takes no more; each question of the kubelet is answered on a new connection."""
    assert envoy.running
    url = f"http://{home.address}:9902"
    with full((home.address, 8080), until=until):
        statuses = [httpx.get(url + path, trust_env=False).status_code for path in PROBES * 5]

    assert set(statuses) == {200}


def test_a_limit_on_all_of_envoy_would_cut_the_kubelet_off(
    run_envoy: Callable[..., Child], config: Callable[[str], dict[str, Any]], sidecar_file: str,
    new_home: Callable[[], Home], until: Callable[..., None],
) -> None:  # fmt: skip
    """The control: with the same number on the whole of Envoy, its own liveness goes unanswered."""
    document, home = config(sidecar_file), new_home()
    monitor = document["overload_manager"]["resource_monitors"][0]["typed_config"]
    monitor["max_active_downstream_connections"] = LIMIT
    run_envoy(document, home=home)
    until(lambda: _listens((home.address, 8080)), what="the ingress listens")

    with full((home.address, 8080), until=until), pytest.raises(httpx.TransportError):
        httpx.get(f"http://{home.address}:9902/live", trust_env=False)


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return False
    return True


HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # RFC 9113 § 3.4


def test_nobody_speaks_http_2(
    new_pod: Callable[..., Any], having: Callable[..., Any], envoy: Child, home: Home
) -> None:
    """Many requests on one connection would be past what is bounded; by the control, an answer."""
    assert envoy.running
    control = new_pod(having("codec_type", "AUTO"))

    assert answer_to_http_2(home.address).startswith(b"HTTP/1.1 ")
    assert answer_to_http_2(control.home.address)[3:4] == b"\x04"  # SETTINGS


def answer_to_http_2(address: str) -> bytes:
    """What comes back."""
    with socket.create_connection((address, 8080)) as client:
        client.settimeout(10)
        client.sendall(HTTP_2)
        return client.recv(100)
