"""Gets a token from the issuer's stand-in, as any client would.

`python -m bukken_local.issuer.tokens SCOPE` prints one; the clients' secrets are in a file.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from bukken_local.issuer.kept import CLIENT_SCOPES
from bukken_local.issuer.server import IssuerSettings
from bukken_local.issuer.signing import RESOURCE_SERVER


class NoSuchScope(Exception):
    """No client may have the scopes asked for; the message lists who may have what."""


def client_for(scopes: Sequence[str]) -> str:
    """The first client that holds all these scopes, named without the prefix.

    Raises:
        NoSuchScope: nobody does.
    """
    for client, held in CLIENT_SCOPES.items():
        if set(scopes) <= set(held):
            return client
    table = "; ".join(f"{client}: {' '.join(held)}" for client, held in CLIENT_SCOPES.items())
    raise NoSuchScope(f"no client holds {' '.join(scopes)} ({table})")


def fetch(platform: Mapping[str, Any], *, scopes: Sequence[str]) -> str:
    """An access token for these scopes, good for an hour.

    Raises:
        NoSuchScope: no client may have them.
        httpx.HTTPError: the issuer does not answer, or refuses.
    """
    client = client_for(scopes)
    asked = " ".join(f"{RESOURCE_SERVER}/{scope}" for scope in scopes)
    answer = httpx.post(
        platform["token_url"],
        data={"grant_type": "client_credentials", "scope": asked},
        auth=(client, secret_of(client, platform=platform)),
        trust_env=False,
    )
    answer.raise_for_status()
    token: str = answer.json()["access_token"]
    return token


def secret_of(client: str, *, platform: Mapping[str, Any]) -> str:
    """A client's secret."""
    secrets: dict[str, str] = json.loads(Path(platform["clients_file"]).read_text())
    return secrets[client]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a token for the scopes named; returns the exit status."""
    options = _parser().parse_args(arguments)
    platform = {"token_url": options.token_url, "clients_file": options.clients_file}
    try:
        sys.stdout.write(fetch(platform, scopes=options.scope) + "\n")
    except (NoSuchScope, httpx.HTTPError, OSError) as error:
        sys.stderr.write(f"bukken: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bukken_local.issuer.tokens", description=__doc__
    )
    url = f"http://{IssuerSettings.host}:{IssuerSettings.port}/oauth2/token"
    parser.add_argument("--token-url", default=url, help="the issuer's (%(default)s)")
    parser.add_argument("--clients-file", default="clients.json", help="JSON: id to secret")
    parser.add_argument("scope", nargs="+", help="such as listings.read")
    return parser


if __name__ == "__main__":
    sys.exit(main())
