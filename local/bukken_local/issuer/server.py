"""The issuer's stand-in: a token endpoint and its keys, in the shape of a Cognito user pool.

It answers `POST /oauth2/token` (client credentials, RFC 6749 § 4.4) and
`GET /.well-known/jwks.json`. Envoy cannot tell its tokens from Cognito's.
"""

import argparse
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bukken_local.issuer.kept import CLIENT_SCOPES, load_clients, load_key
from bukken_local.issuer.oauth import Grant, OAuthError, grant_of, unknown_client
from bukken_local.issuer.signing import ISSUER, LIFETIME_SECONDS, RESOURCE_SERVER, make_token

NOT_TO_BE_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 § 5.1


@dataclass(frozen=True, kw_only=True)
class IssuerSettings:
    """Where the issuer listens and what it keeps. Both files are made on first use, mode 0600.

    Attributes:
        client_secrets: of clients whose secret is made elsewhere, the file with it.
    """

    key_file: Path
    clients_file: Path
    client_secrets: Mapping[str, Path] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 8089
    issuer: str = ISSUER


def create_app(settings: IssuerSettings) -> Starlette:
    """The two endpoints, over the key and the clients named by the settings."""
    key = load_key(settings.key_file)
    clients = load_clients(settings.clients_file) | {
        client: file.read_text(encoding="utf-8").strip()
        for client, file in settings.client_secrets.items()
    }

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
    options = vars(_parser().parse_args(arguments))
    options["client_secrets"] = dict(options["client_secrets"])
    settings = IssuerSettings(**options)
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, ws="none", access_log=False
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bukken_local.issuer", description=__doc__)
    parser.add_argument("--host", default=IssuerSettings.host, help="address (%(default)s)")
    parser.add_argument("--port", type=int, default=IssuerSettings.port, help="port (%(default)s)")
    parser.add_argument("--key-file", type=Path, required=True, help="PEM of the signing key")
    parser.add_argument("--clients-file", type=Path, required=True, help="JSON: id to secret")
    parser.add_argument(
        "--client-secret",
        dest="client_secrets",
        action="append",
        default=[],
        type=_named_file,
        metavar="CLIENT=FILE",
        help="a client whose secret is made elsewhere",
    )
    parser.add_argument("--issuer", default=ISSUER, help="claim iss (%(default)s)")
    return parser


def _named_file(value: str) -> tuple[str, Path]:
    client, _, file = value.partition("=")
    return client, Path(file)


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
