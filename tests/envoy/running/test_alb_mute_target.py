"""A target that takes no connection: its host is gone, or its queue is full."""

# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx
import pytest

from bukken_local.kubernetes.envoy_files import Home, resolver
from bukken_local.processes.child import Child

COMMAND = "command-api.bukken.svc.cluster.local."


@pytest.fixture(scope="module")
def mute(new_home: Callable[[], Home]) -> Iterator[str]:
    """Its address: the queue holds one connection, and it is there."""
    address = new_home().address
    with socket.socket() as listening, socket.socket() as waiting:
        listening.bind((address, 8080))
        listening.listen(0)
        waiting.connect((address, 8080))
        yield address


@pytest.fixture
def answer_of_an_alb(
    mute: str, config: Callable[[str], dict[str, Any]], run_envoy: Callable[..., Child],
    resolve: Callable[..., AbstractContextManager[int]], new_home: Callable[[], Home],
    until: Callable[..., None],
) -> Iterator[Callable[..., httpx.Response]]:  # fmt: skip
    """Starts a load balancer whose one target is mute and asks it to write."""
    with ExitStack() as stack:

        def answer(change: Callable[[list[Any]], object]) -> httpx.Response:
            home, document = new_home(), config("alb")
            for cluster in document["static_resources"]["clusters"]:
                cluster["connect_timeout"] = "0.3s"  # not the 10 s that the file says
            change(mappers_of(document))
            port = stack.enter_context(resolve({COMMAND: [mute]}, host=home.loopback))
            arguments = tuple(resolver(host=home.loopback, port=port))
            run_envoy(document, home=home, arguments=arguments)
            until(lambda: mute in asked(home, "/clusters"), what="it knows its target")
            until(lambda: "LIVE" in asked(home, "/ready"), what="it listens")
            return httpx.put(f"http://{home.address}:8088/v1/listings/k", trust_env=False)

        yield answer


def mappers_of(document: dict[str, Any]) -> list[Any]:
    """Which answers of its own the stand-in words as the ALB."""
    (chain,) = document["static_resources"]["listeners"][0]["filter_chains"]
    mappers: list[Any] = chain["filters"][0]["typed_config"]["local_reply_config"]["mappers"]
    return mappers


def asked(home: Home, path: str) -> str:
    """What its admin interface says; nothing when nobody answers."""
    try:
        return httpx.get(f"http://{home.loopback}:9901{path}", trust_env=False).text
    except httpx.TransportError:
        return ""


def test_no_connection_in_time_is_504(answer_of_an_alb: Callable[..., httpx.Response]) -> None:
    """Who cannot connect to a target waits for it, and is told so in HTML."""
    answer = answer_of_an_alb(lambda _: None)

    assert answer.status_code == 504
    assert "<h1>504 Gateway Time-out</h1>" in answer.text


def test_without_its_mapper_it_would_be_another(
    answer_of_an_alb: Callable[..., httpx.Response],
) -> None:
    """The control: by the mapper that comes next, 502, which says that the target refused."""
    assert answer_of_an_alb(lambda mappers: mappers.pop(1)).status_code == 502
