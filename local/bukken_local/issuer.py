"""The issuer's stand-in: a token endpoint and its keys, in the shape of a Cognito user pool.

It answers `POST /oauth2/token` (client credentials, RFC 6749 § 4.4) and
`GET /.well-known/jwks.json`. Envoy cannot tell its tokens from Cognito's.
"""

import argparse
import json
import os
import secrets
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bukken_local.oauth import Grant, OAuthError, grant_of, unknown_client

ISSUER = "https://issuer.bukken.internal"
RESOURCE_SERVER = "bukken"
LIFETIME_SECONDS = 3600
CLIENT_SCOPES: Mapping[str, tuple[str, ...]] = {
    "legacy-backend": ("listings.write",),
    "portal-a": ("listings.read",),
    "portal-b": ("listings.read",),
}
NOT_TO_BE_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 § 5.1


@dataclass(frozen=True, kw_only=True)
class IssuerSettings:
    """Where the issuer listens and what it keeps. Both files are made on first use, mode 0600."""

    key_file: Path
    clients_file: Path
    host: str = "127.0.0.1"
    port: int = 8089
    issuer: str = ISSUER


def load_key(path: Path) -> RSAKey:
    """The signing key, made once, so that a token outlives a restart. Its id is its thumbprint."""
    key = RSAKey.import_key(
        _kept(path, make=lambda: RSAKey.generate_key(2048).as_pem(private=True))
    )
    key.ensure_kid()
    return key


def load_clients(path: Path) -> dict[str, str]:
    """Each client's secret. The scopes are not kept: a client gains one with the next start."""
    kept: dict[str, str] = json.loads(_kept(path, make=_new_secrets))
    return kept


def claims_of(client_id: str, *, scopes: Iterable[str], issuer: str = ISSUER) -> dict[str, Any]:
    """The claims of a Cognito access token for a machine: no `aud`, and scopes with a prefix."""
    now = int(time.time())
    return {
        "sub": client_id,
        "token_use": "access",
        "scope": " ".join(f"{RESOURCE_SERVER}/{scope}" for scope in scopes),
        "auth_time": now,
        "iss": issuer,
        "exp": now + LIFETIME_SECONDS,
        "iat": now,
        "version": 2,
        "jti": str(uuid.uuid4()),
        "client_id": client_id,
    }


def sign(claims: Mapping[str, Any], *, key: RSAKey) -> str:
    """Claims as a token; apart from `make_token` so that tests can sign what is wrong."""
    return jwt.encode({"kid": key.kid, "alg": "RS256"}, dict(claims), key, default_type=None)


def make_token(key: RSAKey, *, client_id: str, scopes: Iterable[str], issuer: str = ISSUER) -> str:
    """A token good for an hour. Scopes are named without the prefix: `listings.read`."""
    return sign(claims_of(client_id, scopes=scopes, issuer=issuer), key=key)


def create_app(settings: IssuerSettings) -> Starlette:
    """The two endpoints, over the key and the clients named by the settings."""
    key = load_key(settings.key_file)
    clients = load_clients(settings.clients_file)

    async def token(request: Request) -> Response:
        grant = await grant_of(request)
        _authenticate(grant, clients=clients)
        scopes = _granted_scopes(grant)
        answer = {
            "access_token": make_token(
                key, client_id=grant.client_id, scopes=scopes, issuer=settings.issuer
            ),
            "expires_in": LIFETIME_SECONDS,
            "token_type": "Bearer",
        }
        return JSONResponse(answer, headers=NOT_TO_BE_STORED)

    async def jwks(_: Request) -> Response:
        return JSONResponse({"keys": [_public(key)]})

    return Starlette(
        routes=[
            Route("/oauth2/token", token, methods=["POST"]),
            Route("/.well-known/jwks.json", jwks, methods=["GET"]),
        ],
        exception_handlers={OAuthError: _refusal},
    )


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    settings = IssuerSettings(**vars(_parser().parse_args(arguments)))
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, ws="none", access_log=False
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bukken_local.issuer", description=__doc__)
    parser.add_argument("--host", default=IssuerSettings.host, help="address (%(default)s)")
    parser.add_argument("--port", type=int, default=IssuerSettings.port, help="port (%(default)s)")
    parser.add_argument("--key-file", type=Path, required=True, help="PEM of the signing key")
    parser.add_argument("--clients-file", type=Path, required=True, help="JSON: id to secret")
    parser.add_argument("--issuer", default=ISSUER, help="claim iss (%(default)s)")
    return parser


def _authenticate(grant: Grant, *, clients: Mapping[str, str]) -> None:
    expected = clients.get(grant.client_id, "")
    same = secrets.compare_digest(expected.encode(), grant.secret.encode())
    if not (expected and same):
        raise unknown_client(by_header=grant.by_header)


def _granted_scopes(grant: Grant) -> list[str]:
    """What was asked for, or all the client may have; asking for more is refused, not trimmed."""
    allowed = CLIENT_SCOPES.get(grant.client_id, ())
    asked = [scope.removeprefix(f"{RESOURCE_SERVER}/") for scope in grant.scope.split()]
    prefixed = all(scope.startswith(f"{RESOURCE_SERVER}/") for scope in grant.scope.split())
    if not prefixed or not set(asked) <= set(allowed):
        raise OAuthError("invalid_scope")
    return asked or list(allowed)


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, OAuthError)  # noqa: S101 — Starlette's type is wider than its table
    return JSONResponse(
        {"error": error.code}, status_code=error.status, headers=NOT_TO_BE_STORED | error.headers
    )


def _public(key: RSAKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "alg": "RS256", "use": "sig"}


def _new_secrets() -> bytes:
    made = {client: secrets.token_urlsafe(32) for client in CLIENT_SCOPES}
    return json.dumps(made, indent=2).encode()


def _kept(path: Path, *, make: Callable[[], bytes]) -> bytes:
    """A secret file's content; made when there is none.

    It appears whole or not at all, and when two start together both keep the first: a link
    refuses an existing name, where a rename would replace it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink()
    return path.read_bytes()


if __name__ == "__main__":
    main()
