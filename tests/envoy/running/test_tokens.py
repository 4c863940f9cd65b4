import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from bukken_local.issuer import signing

Bearer = Callable[..., dict[str, str]]
READ = ["listings.read"]


def good() -> dict[str, Any]:
    """Claims that are in order."""
    return signing.claims_of("portal-a", scopes=READ)


def encoded(part: dict[str, Any]) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def without(claim: str) -> dict[str, Any]:
    """Good claims but for one."""
    return {name: value for name, value in good().items() if name != claim}


def of_an_unknown_key(_: RSAKey) -> str:
    """Signed by somebody else."""
    other = RSAKey.generate_key(2048)
    other.ensure_kid()
    return signing.sign(good(), key=other)


def with_a_borrowed_key_id(key: RSAKey) -> str:
    """Signed by somebody else who names the issuer's key."""
    header = {"alg": "RS256", "kid": key.kid}
    return jwt.encode(header, good(), RSAKey.generate_key(2048), default_type=None)


def unsigned(key: RSAKey) -> str:
    """`alg: none`."""
    return f"{encoded({'alg': 'none', 'kid': key.kid})}.{encoded(good())}."


def signed_with_the_public_key(key: RSAKey) -> str:
    """The public key as an HMAC secret: a verifier that trusts `alg` accepts it."""
    signed = f"{encoded({'alg': 'HS256', 'kid': key.kid})}.{encoded(good())}"
    # By hand, since a JWT library refuses to make this.
    mac = hmac.digest(key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


REFUSED: dict[str, Callable[[RSAKey], str]] = {
    "expired": lambda key: signing.sign(good() | {"exp": int(time.time()) - 11}, key=key),
    "not yet valid": lambda key: signing.sign(good() | {"nbf": int(time.time()) + 60}, key=key),
    "never expiring": lambda key: signing.sign(without("exp"), key=key),
    "another issuer": lambda key: signing.sign(good() | {"iss": "https://evil.test"}, key=key),
    "no issuer": lambda key: signing.sign(without("iss"), key=key),
    "unknown key": of_an_unknown_key,
    "borrowed key id": with_a_borrowed_key_id,
    "alg none": unsigned,
    "HMAC with the public key": signed_with_the_public_key,
    "tampered": lambda key: signing.sign(good(), key=key)[:-6] + "AAAAAA",
    "no token": lambda _: "nonsense",
    "empty": lambda _: "",
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_tokens(
    fault: str, ingress: httpx.Client, key: RSAKey, seen: list[dict[str, Any]]
) -> None:
    """A token that proves nothing is answered 401 and never reaches the app."""
    headers = {"authorization": f"Bearer {REFUSED[fault](key)}".rstrip()}

    answer = ingress.get("/v1/listings", headers=headers)

    assert (answer.status_code, seen) == (401, [])


@pytest.mark.parametrize(
    "claims",
    [{"token_use": "id"}, {"token_use": None}, {"scope": "other/listings.read"}, {"scope": ""},
     {"scope": "bukken/listings.readmore"}, {"scope": "xbukken/listings.read"}],
    ids=str,
)  # fmt: skip
def test_a_token_for_something_else_is_forbidden(
    claims: dict[str, Any], ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """A good token that is no access token, or carries another scope, is answered 403."""
    answer = ingress.get("/v1/listings", headers=bearer(**claims))

    assert (answer.status_code, seen) == (403, [])


def test_a_token_in_the_query_is_no_token(
    ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """Tokens in URLs end up in logs, so they are not taken."""
    token = bearer()["authorization"].removeprefix("Bearer ")

    answer = ingress.get("/v1/listings", params={"access_token": token})

    assert (answer.status_code, seen) == (401, [])


@pytest.mark.parametrize("other", ["Basic Zm9v", "Bearer nonsense", "Bearer a.b.c"])
@pytest.mark.parametrize("order", [1, -1], ids=["good first", "good last"])
def test_a_doubled_authorization_header_is_refused(
    other: str, order: int, ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """Two Authorization headers are two answers to who is asking; neither is believed."""
    values = [bearer()["authorization"], other][::order]
    headers = [("authorization", value) for value in values]

    answer = ingress.get("/v1/listings", headers=headers)

    assert answer.status_code in {400, 401}
    assert seen == []


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer  "])
def test_the_scheme_is_bearer(scheme: str, ingress: httpx.Client, bearer: Bearer) -> None:
    """In any case, as RFC 9110 says of all schemes."""
    token = bearer()["authorization"].removeprefix("Bearer ")

    answer = ingress.get("/v1/listings", headers={"authorization": f"{scheme}{token}"})

    assert answer.status_code == 200


ODD_FORMS = [
    "{}", "Token {}", "x Bearer {}", "xBearer {}", "Basic Zm9v Bearer {}", "Bearer\t{}",
    "Basic Zm9v, Bearer {}", "Bearer {}, Bearer {}", "Bearer {} x", "Bearer ={}", 'Bearer "{}"',
]  # fmt: skip


@pytest.mark.parametrize("form", ODD_FORMS)
def test_a_good_token_in_another_form_is_refused(
    form: str, ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """The header is the scheme and one token; a token is not looked for in the rest of a line."""
    token = bearer()["authorization"].removeprefix("Bearer ")

    answer = ingress.get("/v1/listings", headers={"authorization": form.format(token, token)})

    assert (answer.status_code, seen) == (401, [])
    assert answer.headers["www-authenticate"] == 'Bearer realm="bukken"'


@pytest.mark.parametrize(
    ("prefix", "form"),
    [("' '", "Token {}"), ("' '", "Bearer ={}"), ("'Bearer '", "x Bearer {}"),
     ("'Bearer '", "Basic Zm9v, Bearer {}")],
)  # fmt: skip
def test_the_token_filter_alone_would_take_it(
    prefix: str, form: str, new_pod: Callable[..., Any], without: Callable[..., Any],
    bearer: Bearer,
) -> None:  # fmt: skip
    """The control: without the route a good token passes in any form, whatever jwt.yaml says."""
    guard = "route_config virtual_hosts app routes 2"
    pod = new_pod(without(guard), jwt=lambda text: text.replace("' '", prefix))
    token = bearer()["authorization"].removeprefix("Bearer ")

    answer = pod.ingress.get("/v1/listings", headers={"authorization": form.format(token)})

    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        *("/v1/listings", "/v1/listings?City=x", "/v1/listings/k", "/v1/listing-keys?limit=1"),
        *("/v1/changes?after=0", "/v1/exports/listings"),
    ],
)
def test_reading_takes_the_read_scope(
    method: str, path: str, ingress: httpx.Client, bearer: Bearer
) -> None:
    """Reads pass with listings.read among the scopes, and with nothing less."""
    allowed = ingress.request(method, path, headers=bearer("a.b", "listings.read"))
    forbidden = ingress.request(method, path, headers=bearer("listings.write"))

    assert (allowed.status_code, forbidden.status_code) == (200, 403)


@pytest.mark.parametrize(
    ("path", "scope", "another"),
    [
        ("/v1/inquiries?after=0", "inquiries.deliver", "inquiries.write"),
        ("/v1/inquiries/k", "inquiries.write", "inquiries.deliver"),
    ],
)
def test_inquiries_are_read_with_scopes_of_their_own(
    path: str, scope: str, another: str, ingress: httpx.Client, bearer: Bearer
) -> None:
    """All of them by the back end alone; one by a portal, if the app finds it to be its own."""
    allowed = [ingress.request(m, path, headers=bearer(scope)) for m in ("GET", "HEAD")]
    others = bearer(another, "listings.read", "listings.write")
    forbidden = [ingress.request(m, path, headers=others) for m in ("GET", "HEAD")]

    assert [answer.status_code for answer in allowed + forbidden] == [200, 200, 403, 403]


def test_the_app_learns_the_client_and_not_the_token(
    ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """The sidecar names the client; the token itself goes no further."""
    ingress.get("/v1/listings", headers=bearer(client_id="portal-z"))

    assert seen[0]["headers"]["x-client-id"] == "portal-z"
    assert "authorization" not in seen[0]["headers"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "OPTIONS"])
def test_a_method_of_the_other_side_reaches_the_app(
    method: str, ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """Any access token gets as far as the app's 405 with Allow; no token does not."""
    refused = ingress.request(method, "/v1/listings/k")
    passed = ingress.request(method, "/v1/listings/k", headers=bearer("listings.write"))

    assert (refused.status_code, passed.status_code) == (401, 200)
    assert [request["method"] for request in seen] == [method]
