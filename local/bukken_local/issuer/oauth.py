"""What a token request says (RFC 6749 §§ 2.3 and 4.4), before anybody believes it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote_plus

from starlette.requests import Request

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM_BYTES = 8192


class OAuthError(Exception):
    """A refusal in the words of RFC 6749 § 5.2."""

    def __init__(self, code: str, *, status: int = 400, challenge: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers = {"WWW-Authenticate": challenge} if challenge else {}


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a token request asked for, before anybody believed it."""

    client_id: str
    secret: str
    scope: str
    by_header: bool


def unknown_client(*, by_header: bool) -> OAuthError:
    """401 answers a header; Cognito, as the RFC allows, answers a form with 400."""
    if by_header:
        return OAuthError("invalid_client", status=401, challenge='Basic realm="bukken"')
    return OAuthError("invalid_client")


async def grant_of(request: Request) -> Grant:
    """The grant asked for.

    Raises:
        OAuthError: it is no request for client credentials.
    """
    form = await _form(request)
    _check_grant_type(form)
    header = request.headers.get("authorization")
    if header is not None and "client_secret" in form:
        raise OAuthError("invalid_request")  # one way to authenticate, not two: RFC 6749 § 2.3
    in_form = (form.get("client_id", ""), form.get("client_secret", ""))
    client_id, secret = in_form if header is None else _basic(header)
    scope = form.get("scope", "")
    return Grant(client_id=client_id, secret=secret, scope=scope, by_header=header is not None)


async def _form(request: Request) -> dict[str, str]:
    """The body's fields; one given twice is refused, one without a value is as if not given."""
    if request.headers.get("content-type", "").partition(";")[0] != FORM:
        raise OAuthError("invalid_request")
    try:
        fields = parse_qs((await _body(request)).decode("ascii"), errors="strict")
    except ValueError:
        raise OAuthError("invalid_request") from None
    if any(len(values) > 1 for values in fields.values()):
        raise OAuthError("invalid_request")
    return {name: values[0] for name, values in fields.items()}


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM_BYTES:
            raise OAuthError("invalid_request", status=413)
    return body


def _check_grant_type(form: Mapping[str, str]) -> None:
    if "grant_type" not in form:
        raise OAuthError("invalid_request")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        scheme, decoded = "", ""
    client_id, _, secret = decoded.partition(":")
    if scheme.lower() != "basic":
        raise unknown_client(by_header=True)
    return unquote_plus(client_id), unquote_plus(secret)  # RFC 6749 § 2.3.1 encodes both
