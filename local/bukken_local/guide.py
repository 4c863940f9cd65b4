"""What to do with a platform that runs: its addresses, and lines to paste."""

from collections.abc import Iterator, Mapping
from typing import Any

from bukken_local.issuer import tokens

EXAMPLE = "hello-1"
WRITE, READ = "listings.write", "listings.read"


def addresses(platform: Mapping[str, Any]) -> Iterator[str]:
    """Where everything is, a line each."""
    database = platform["database"]
    yield _row("load balancer", platform["url"])
    yield _row("issuer", platform["token_url"])
    for pod in platform["pods"]:
        yield _row(pod["name"], pod["ingress_url"], f"admin {pod['admin_url']}")
    for role, behind in (("writer", "primary"), ("reader", "standby")):
        now = f"now the {behind}, {_joined(database[behind])}"
        yield _row(f"database, {role}", _joined(database[role]), now)
    yield _row("logs", platform["logs"])


def lines(platform: Mapping[str, Any]) -> Iterator[str]:
    """A token for each scope, and calls that use it, ready to paste."""
    url = f"{platform['url']}/v1/listings"
    yield f"# {WRITE} (one hour; another: make -s token SCOPE={WRITE})"
    yield f"WRITE={tokens.fetch(platform, scopes=[WRITE])}"
    yield f"# {READ}"
    yield f"READ={tokens.fetch(platform, scopes=[READ])}"
    yield "# a listing goes in through one service and comes out of the other"
    yield (
        f'curl -i -X PUT {url}/{EXAMPLE} -H "Authorization: Bearer $WRITE" '
        f"-H 'Content-Type: application/json' -d '{BODY}'"
    )
    yield f'curl -i {url}/{EXAMPLE} -H "Authorization: Bearer $READ"'
    yield f'curl -s {url} -H "Authorization: Bearer $READ"'


BODY = (
    '{"StandardStatus": "Active", "PropertyType": "Residential", '
    '"ListPrice": 48000000, "Currency": "JPY", "City": "渋谷区"}'
)


def _row(part: str, address: str, more: str = "") -> str:
    return f"{part:18}{address:27}{more}".rstrip()


def _joined(address: tuple[str, int]) -> str:
    host, port = address
    return f"{host}:{port}"
