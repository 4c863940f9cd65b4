"""A token, in the shape of a Cognito user pool's for a machine."""

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://issuer.bukken.internal"
RESOURCE_SERVER = "bukken"
LIFETIME_SECONDS = 3600


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
