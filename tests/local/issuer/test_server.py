"""The issuer's stand-in gives tokens of Cognito's shape, and refuses in RFC 6749's words."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.types import ASGIApp

from bukken_local.issuer.kept import load_clients, load_key
from bukken_local.issuer.server import IssuerSettings, create_app
from bukken_local.issuer.signing import make_token

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def settings(tmp_path: Path) -> IssuerSettings:
    """An issuer that has kept nothing yet."""
    return IssuerSettings(key_file=tmp_path / "key.pem", clients_file=tmp_path / "clients.json")


@pytest.fixture
def issuer(serve: Callable[[ASGIApp], str], settings: IssuerSettings) -> str:
    """The URL of a running issuer."""
    return serve(create_app(settings))


@pytest.fixture
def secret(issuer: str, settings: IssuerSettings) -> str:
    """The secret the running issuer made for portal-a."""
    assert issuer
    return load_clients(settings.clients_file)["portal-a"]


def ask(issuer: str, *, secret: str = "", client: str = "portal-a", **form: str) -> httpx.Response:
    """Ask for a token; with a secret, by the header."""
    auth = (client, secret) if secret else None
    return httpx.post(f"{issuer}/oauth2/token", data={**GRANT, **form}, auth=auth, trust_env=False)


def claims(issuer: str, token: str) -> dict[str, Any]:
    """The claims, once the signature fits the published keys."""
    jwks = httpx.get(f"{issuer}/.well-known/jwks.json", trust_env=False).json()
    return jwt.decode(token, KeySet.import_key_set(jwks), algorithms=["RS256"]).claims


def test_token_has_the_claims_of_a_cognito_access_token(issuer: str, secret: str) -> None:
    """A token holds exactly Cognito's claims: no audience, and the scope with its prefix."""
    answer = ask(issuer, secret=secret)

    found = claims(issuer, answer.json()["access_token"])
    times = {name: found.pop(name) for name in ("auth_time", "iat", "exp")}
    assert found.pop("jti")
    assert found == {
        "sub": "portal-a",
        "client_id": "portal-a",
        "token_use": "access",
        "scope": "bukken/listings.read bukken/inquiries.write",
        "iss": "https://issuer.bukken.internal",
        "version": 2,
    }
    assert times["exp"] - times["iat"] == answer.json()["expires_in"] == 3600


def test_token_names_its_key(issuer: str, secret: str) -> None:
    """The header's kid is that of a published RS256 key, by which Envoy finds it."""
    token = ask(issuer, secret=secret).json()["access_token"]
    [key] = httpx.get(f"{issuer}/.well-known/jwks.json", trust_env=False).json()["keys"]

    header = jwt.decode(token, KeySet.import_key_set({"keys": [key]})).header
    assert header == {"alg": "RS256", "kid": key["kid"]}
    assert set(key) == {"kty", "kid", "alg", "use", "n", "e"}


def test_secret_may_come_in_the_form(issuer: str, secret: str) -> None:
    """A client may send its secret in the form as well as in the header."""
    answer = ask(issuer, client_id="portal-a", client_secret=secret)

    assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")
    assert answer.headers["cache-control"] == "no-store"


def test_scope_may_be_asked_for(issuer: str, secret: str) -> None:
    """A scope the client has is granted when asked for by its full name."""
    answer = ask(issuer, secret=secret, scope="bukken/listings.read")

    assert claims(issuer, answer.json()["access_token"])["scope"] == "bukken/listings.read"


@pytest.mark.parametrize(
    "scope",
    ["bukken/listings.write", "listings.read", "other/listings.read", "bukken/listings.read x"],
)
def test_scope_of_others_is_refused(issuer: str, secret: str, scope: str) -> None:
    """A scope the client does not have is refused, not left out."""
    answer = ask(issuer, secret=secret, scope=scope)

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_scope"})


@pytest.mark.parametrize("client", [("portal-a", "wrong"), ("nobody", ""), ("", "")])
def test_wrong_secret_in_the_header_is_401(issuer: str, client: tuple[str, str]) -> None:
    """A client that fails by its header is told so with 401 and a challenge (RFC 6749 § 5.2)."""
    answer = httpx.post(f"{issuer}/oauth2/token", data=GRANT, auth=client, trust_env=False)

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Basic !!!", "Basic", "Bearer cG9ydGFsLWE6eA==", "Basic w6k="])
def test_malformed_header_is_401(issuer: str, header: str) -> None:
    """A header that is not Basic's is no client."""
    answer = httpx.post(
        f"{issuer}/oauth2/token",
        data=GRANT,
        headers={"Authorization": header},
        trust_env=False,
    )

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_wrong_secret_in_the_form_is_400(issuer: str) -> None:
    """A client that fails in the form is told so with 400, as Cognito does."""
    answer = ask(issuer, client_id="portal-a", client_secret="wrong")

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({**GRANT, "client_secret": "x"}, "invalid_request"),
        ({**GRANT, "scope": "é" * 9000}, "invalid_request"),
    ],
    ids=["no grant", "empty grant", "grant twice", "other grant", "secret twice", "too large"],
)
def test_malformed_request_is_told(
    issuer: str, secret: str, form: dict[str, Any], error: str
) -> None:
    """A request that is none is refused with the RFC's word for it."""
    answer = httpx.post(
        f"{issuer}/oauth2/token", data=form, auth=("portal-a", secret), trust_env=False
    )

    assert answer.is_client_error
    assert answer.json() == {"error": error}


def test_json_is_not_a_form(issuer: str, secret: str) -> None:
    """A body of another type than the form's is refused."""
    answer = httpx.post(
        f"{issuer}/oauth2/token", json=GRANT, auth=("portal-a", secret), trust_env=False
    )

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_token_outlives_a_restart(
    serve: Callable[[ASGIApp], str], settings: IssuerSettings
) -> None:
    """A token made before a restart fits the keys published after it."""
    token = make_token(load_key(settings.key_file), client_id="portal-b", scopes=["listings.read"])

    restarted = serve(create_app(settings))
    assert claims(restarted, token)["client_id"] == "portal-b"


def test_secrets_are_for_their_owner_alone(settings: IssuerSettings) -> None:
    """The key and the clients' secrets are files only their owner can read."""
    create_app(settings)

    modes = {stat.S_IMODE(f.stat().st_mode) for f in (settings.key_file, settings.clients_file)}
    assert modes == {0o600}
    assert sorted(settings.key_file.parent.iterdir()) == [settings.clients_file, settings.key_file]


def test_secrets_are_kept(settings: IssuerSettings) -> None:
    """A second start has the first one's secrets."""
    create_app(settings)
    first = load_clients(settings.clients_file)

    create_app(settings)
    assert load_clients(settings.clients_file) == first
