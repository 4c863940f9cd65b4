"""What a client sees through the load balancer's stand-in, an Envoy and a service."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from bukken_local.issuer import signing
from bukken_local.issuer.kept import load_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running_platform import Platform

LISTING: dict[str, Any] = {"StandardStatus": "Active", "PropertyType": "Residential"}
JSON = {"Content-Type": "application/json"}


def assert_problem(answer: httpx.Response, *, status: int) -> None:
    """The one shape of every error, whoever answers: a service, or an Envoy before it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "request_id"} <= set(problem)
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"] != ""


@pytest.fixture(scope="module")
def producer(platform: "Platform") -> "Iterator[httpx.Client]":
    """The back end, allowed to write."""
    with platform.client("listings.write") as client:
        yield client


@pytest.fixture(scope="module")
def portal(platform: "Platform") -> "Iterator[httpx.Client]":
    """A partner, allowed to read."""
    with platform.client("listings.read") as client:
        yield client


BODIES: dict[str, tuple[bytes, int]] = {
    "no JSON": (b"{", 400),
    "nested 100,000 deep": (b"[" * 100_000, 400),
    "a key twice": (b'{"City": "a", "City": "b"}', 400),
    "a type that is another": (b'{"StandardStatus": 1}', 422),
    "an unknown field": (json.dumps({**LISTING, "AskingPrice": 1}).encode(), 422),
    "NaN": (b'{"ListPrice": NaN}', 400),
    "Infinity": (b'{"ListPrice": -Infinity}', 400),
    "1e400": (b'{"ListPrice": 1e400}', 422),
    "an absurd exponent": (b'{"ListPrice": 1e999999999}', 400),
    "a number that would be rounded": (b'{"ListPrice": 12345678901234567.89}', 422),
    "a third decimal": (b'{"ListPrice": 1.005}', 422),
    "a year out of range": (b'{"YearBuilt": 20210}', 422),
    "half a coordinate": (json.dumps({**LISTING, "Latitude": 35}).encode(), 422),
    "a string too long": (json.dumps({**LISTING, "City": "あ" * 51}).encode(), 422),
    "NUL": (json.dumps({**LISTING, "City": "a\0b"}).encode(), 422),
    "half a surrogate": (b'{"City": "\\ud800"}', 422),
    "invalid UTF-8": (b'{"City": "\xff"}', 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "nothing": (b"", 400),
    "no object": (b"[]", 422),
    "another key than the URL's": (json.dumps({**LISTING, "ListingKey": "b"}).encode(), 422),
    "257 KiB": (b'{"PublicRemarks": "' + b"a" * 263_000 + b'"}', 413),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_bad_body_creates_nothing(
    producer: httpx.Client, portal: httpx.Client, what: str
) -> None:
    """It is refused by name, and never with a 500."""
    body, status = BODIES[what]

    assert_problem(producer.put("/v1/listings/a", content=body, headers=JSON), status=status)
    assert portal.get("/v1/listings/a").status_code == 404


@pytest.mark.parametrize("what", BODIES)
def test_a_bad_patch_changes_nothing(producer: httpx.Client, what: str) -> None:
    """A PATCH that would leave a listing invalid leaves it as it was."""
    body, status = BODIES[what]
    before = producer.put("/v1/listings/patched", json=LISTING).headers["etag"]
    headers = {**JSON, "If-Match": before}
    answer = producer.patch("/v1/listings/patched", content=body, headers=headers)

    assert_problem(answer, status=status)
    assert producer.put("/v1/listings/patched", json=LISTING).headers["etag"] == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=shift_jis"}, 415),
        (JSON | {"Content-Encoding": "gzip"}, 415),
        (JSON | {"If-Match": 'W/"1-1"'}, 400),
        (JSON | {"If-Match": '"1-1", "2-1"'}, 400),
        (JSON | {"If-Match": "1"}, 400),
        (JSON | {"Source-Version": "-1"}, 400),
        (JSON | {"Source-Version": "9223372036854775808"}, 400),
        (JSON | {"X-Long": "a" * 20_000}, 431),
    ],
)
def test_a_bad_header_is_refused(
    producer: httpx.Client, headers: dict[str, str], status: int
) -> None:
    """What a header says is understood or refused, never guessed."""
    answer = producer.put("/v1/listings/a", content=json.dumps(LISTING), headers=headers)

    assert_problem(answer, status=status)


def test_a_chunked_body_has_the_same_limit(producer: httpx.Client) -> None:
    """A body that does not say its length is counted as it comes in."""
    chunks = (b"a" * 10_000 for _ in range(30))
    answer = producer.put("/v1/listings/a", content=chunks, headers=JSON)

    assert_problem(answer, status=413)


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("%E7%89%A9%E4%BB%B6", 201),
        ("%E3%81%82" * 255, 201),
        ("%E3%81%82" * 256, 422),
        ("a%2Fb", 400),
        ("a%5Cb", 400),
        ("%2E%2E", 422),
        ("a%00", 422),
        ("a%0A", 422),
        ("%FF", 400),
        ("%E3%81%8B%E3%82%99", 422),
        ("", 404),
        ("a/b", 404),
    ],
)
def test_keys_are_as_the_contract_says(
    platform: "Platform", producer: httpx.Client, key: str, status: int
) -> None:
    """Any script and 255 characters are good; what a URL cannot carry safely is not."""
    url = httpx.URL(platform.url).copy_with(raw_path=f"/v1/listings/{key}".encode())
    answer = producer.put(url, json=LISTING)

    if status == 201:
        assert answer.status_code in {200, 201}
        assert producer.delete(url).status_code == 204
    else:
        assert_problem(answer, status=status)


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "PUT", "DELETE"])
def test_a_method_nobody_serves_is_405_with_what_is_served(
    producer: httpx.Client, method: str
) -> None:
    """Both sides name both sides' methods, since the client sees one URL."""
    answer = producer.request(method, "/v1/listings")

    assert_problem(answer, status=405)
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/v1", "/healthz/live", "/healthz/ready", "/stats", "/v1/x"])
def test_what_is_not_public_is_not_there(portal: httpx.Client, path: str) -> None:
    """Health and metrics are the platform's own; the load balancer's public sees 404."""
    assert_problem(portal.get(path), status=404)


def test_nobody_comes_in_without_a_token(platform: "Platform") -> None:
    """No token, and a token in the query string, are both 401 in the one shape."""
    token = platform.token("listings.read")
    with platform.client() as stranger:
        for path in ("/v1/listings", f"/v1/listings?access_token={token}"):
            answer = stranger.get(path)

            assert_problem(answer, status=401)
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 200),
        ({"token_use": "id"}, 403),
        ({"scope": "other/listings.read"}, 403),
        ({"scope": "bukken/listings.write"}, 403),
        ({"scope": ""}, 403),
        ({"iss": "https://issuer.example"}, 401),
        ({"exp": 1}, 401),
        ({"nbf": 4102444800}, 401),
    ],
)
def test_a_token_must_be_the_right_one(
    platform: "Platform", claims: dict[str, Any], status: int
) -> None:
    """Signed by the issuer is not enough: its use, its scope, its time count."""
    key = load_key(Path(platform.description["signing_key_file"]))
    good = signing.claims_of("portal-a", scopes=["listings.read"])
    token = signing.sign({**good, **claims}, key=key)
    with platform.client() as client:
        answer = client.get("/v1/listings", headers={"Authorization": f"Bearer {token}"})

    if status == 200:
        assert answer.status_code == 200
    else:
        assert_problem(answer, status=status)


def test_a_token_of_another_key_is_refused(platform: "Platform") -> None:
    """Whoever signs with a key of his own is nobody."""
    stranger = RSAKey.generate_key(2048)
    stranger.ensure_kid()
    claims = signing.claims_of("portal-a", scopes=["listings.read"])
    header = {"Authorization": f"Bearer {signing.sign(claims, key=stranger)}"}
    with platform.client() as client:
        assert_problem(client.get("/v1/listings", headers=header), status=401)


def test_two_tokens_are_none(platform: "Platform") -> None:
    """A doubled Authorization could be read one way here and another way there."""
    good = ("Authorization", f"Bearer {platform.token('listings.read')}")
    with platform.client() as client:
        answer = client.get("/v1/listings", headers=[good, good])

    assert_problem(answer, status=401)


def test_reading_and_writing_are_different_rights(
    producer: httpx.Client, portal: httpx.Client
) -> None:
    """A portal's token does not write, and the back end's does not read."""
    assert_problem(portal.put("/v1/listings/a", json=LISTING), status=403)
    assert_problem(producer.get("/v1/listings/a"), status=403)


def test_fifty_creations_at_once_make_one(platform: "Platform") -> None:
    """`If-None-Match: *` lets one of fifty in; the rest learn that it is there, or to try later."""

    async def create(client: httpx.AsyncClient, number: int) -> int:
        body = {**LISTING, "City": f"city {number}"}
        answer = await client.put("/v1/listings/once", json=body, headers={"If-None-Match": "*"})
        return answer.status_code

    async def run() -> list[int]:
        headers = {"Authorization": f"Bearer {platform.token('listings.write')}"}
        async with httpx.AsyncClient(
            base_url=platform.url, headers=headers, trust_env=False, timeout=20
        ) as client:
            return list(await asyncio.gather(*(create(client, n) for n in range(50))))

    statuses = asyncio.run(run())
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 412, 503}


def test_nothing_that_ran_here_has_written_a_secret(
    platform: "Platform", producer: httpx.Client
) -> None:
    """No token, password or remark of a listing is in any log of any process."""
    remark = "電話は山田太郎まで"
    producer.put("/v1/listings/private", json={**LISTING, "PublicRemarks": remark})
    producer.put(
        "/v1/listings/private?x=hidden", content=b'{"PublicRemarks": "' + remark.encode() + b'"'
    )
    token = str(producer.headers["authorization"]).removeprefix("Bearer ")
    secrets = [
        token,
        "hidden",
        remark,
        *(file.read_text().strip() for file in platform.password_files()),
    ]
    logs = platform.logs()

    assert logs
    assert [(f, s) for f, text in logs.items() for s in secrets if s in text] == []
