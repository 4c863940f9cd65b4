import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from bukken_local.issuer import signing
from bukken_local.kubernetes.envoy_files import Home

Bearer = Callable[..., dict[str, str]]
Until = Callable[..., None]


@pytest.fixture(scope="module")
def published(key: RSAKey) -> list[RSAKey]:
    """The keys of the issuer; a test may change them."""
    return [key]


@pytest.fixture(scope="module")
def issuer_address(
    published: list[RSAKey], new_home: Callable[[], Home],
    serve: Callable[..., AbstractContextManager[int]],
) -> Iterator[tuple[str, int]]:  # fmt: skip
    """Where they are published."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = [{**each.as_dict(private=False), "alg": "RS256"} for each in published]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": keys}).encode())

        def log_message(self, *_: object) -> None:
            pass

    host = new_home().address
    with serve(Handler, host=host) as port:
        yield host, port


@pytest.fixture(scope="module")
def place_changed() -> Callable[[str], str]:
    """A second is as good as the file's five minutes."""
    return lambda text: text.replace("cache_duration: 300s", "cache_duration: 1s")


@pytest.fixture
def rotated(published: list[RSAKey]) -> Iterator[dict[str, str]]:
    """The header of a good token of a key that has just taken the place of the old one."""
    new = RSAKey.generate_key(2048)
    new.ensure_kid()
    old, published[:] = published.copy(), [new]
    claims = signing.claims_of("portal-a", scopes=["listings.read"])
    yield {"authorization": "Bearer " + signing.sign(claims, key=new)}
    published[:] = old


def test_a_rotated_key_is_known_when_the_old_ones_are_stale(
    ingress: httpx.Client, new_pod: Callable[..., Any], bearer: Bearer, until: Until,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """The new key is believed, the old one no more; without the line that takes ten minutes."""
    control = new_pod(jwt=lambda text: text.replace("cache_duration: 300s", ""))
    old = bearer()
    assert control.ingress.get("/v1/listings", headers=old).status_code == 200

    new = request.getfixturevalue("rotated")
    until(lambda: status(ingress, new) == 200, what="the new key is believed", seconds=5)

    assert status(ingress, old) == 401
    assert (status(control.ingress, new), status(control.ingress, old)) == (401, 200)


def status(ingress: httpx.Client, headers: dict[str, str]) -> int:
    """What a read is answered with."""
    return ingress.get("/v1/listings", headers=headers).status_code
