"""The relay's way to the back end: what is tried again, and when the back end is left alone."""

# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
import yaml
from deployment.lines import owner_of, take_out

from bukken_local.database.endpoint import Address
from bukken_local.kubernetes import envoy_files
from bukken_local.kubernetes.envoy_files import Home

LEADS = (
    "static_resources listeners egress filter_chains 0 filters 0 typed_config route_config "
    "virtual_hosts back-end routes 0 route retry_policy"
)
Change = Callable[[dict[str, Any]], object]


class Old:
    """The back end: it answers, or cuts the connection when it has the request."""

    def __init__(self) -> None:
        self.seen = 0
        self.status = 201
        self.hosts: set[str] = set()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """The class the standard library's server wants."""
        back_end = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                back_end.seen += 1
                back_end.hosts.add(self.headers["host"])
                if not back_end.status:
                    self.close_connection = True
                    return
                self.send_response(back_end.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def old() -> Old:
    """The back end."""
    return Old()


@pytest.fixture
def call(
    old: Old, new_home: Callable[[], Home], serve: Callable[..., AbstractContextManager[int]],
    run_envoy: Callable[..., Any], config: Callable[[str], dict[str, Any]],
    until: Callable[..., None],
) -> Iterator[Callable[..., list[int]]]:  # fmt: skip
    """Posts some leads through an Envoy of its own, changed or not; the statuses."""
    there = new_home().address
    with serve(old.handler(), host=there) as port:

        def post(
            count: int, *, change: Change = lambda _: None, place: Change | None = None
        ) -> list[int]:
            home, document = new_home(), config("inquiry-relay")
            change(document)

            def relay(text: str) -> str:
                at = Address(there, port)
                filled = envoy_files.with_endpoint(text, cluster="back-end", at=at)
                return changed(filled, place) if place else filled

            run_envoy(document, home=home, relay=relay)
            url = f"http://{home.loopback}:9001/leads"
            until(lambda: reached(url.removesuffix("leads")), what="the way out is there")
            with httpx.Client(trust_env=False) as client:
                return [
                    client.post(url, json={}, headers={"host": "back-end"}).status_code
                    for _ in range(count)
                ]

        yield post


def reached(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx.get(url, trust_env=False).status_code == 404
    except httpx.TransportError:
        return False


def changed(text: str, change: Change) -> str:
    """The place's file with its back end changed."""
    document = yaml.safe_load(text)
    change(document["resources"][1])
    return envoy_files.as_text(document)


def retries_everything(document: dict[str, Any]) -> None:
    """As it is often copied, from a route of reads."""
    owner, key = owner_of(document, f"{LEADS} retry_on")
    owner[key] = "reset,5xx"


def is_never_left_alone(back_end: dict[str, Any]) -> None:
    """Whatever it answers, it is asked."""
    take_out(back_end, "outlier_detection")


@pytest.mark.parametrize("status", [0, 500, 503])
def test_what_may_have_been_taken_is_sent_once(
    status: int, old: Old, call: Callable[..., list[int]]
) -> None:
    """A connection that is cut, or an error: the lead may be in its books. The relay decides."""
    old.status = status
    call(1)

    assert old.seen == 1


def test_a_copied_retry_policy_would_send_it_twice(
    old: Old, call: Callable[..., list[int]]
) -> None:
    """The control."""
    old.status = 0
    call(1, change=retries_everything)

    assert old.seen == 2


def test_a_back_end_in_trouble_is_left_alone(old: Old, call: Callable[..., list[int]]) -> None:
    """After five gateway errors nobody asks for a while: Envoy itself says 503."""
    old.status = 503

    assert set(call(40)) == {503}
    assert old.seen == 5


def test_without_the_outlier_detection_it_would_be_asked_for_ever(
    old: Old, call: Callable[..., list[int]]
) -> None:
    """The control."""
    old.status = 503
    call(40, place=is_never_left_alone)

    assert old.seen == 40


def test_one_lead_that_it_cannot_digest_takes_nobody_out(
    old: Old, call: Callable[..., list[int]]
) -> None:
    """Its own 500 is no gateway's error: the other leads go on."""
    old.status = 500
    call(40)

    assert old.seen == 40
