"""What the app says to its own Envoy, that it serves; and what it asks it, whether it could.

The word to drain is `bukken_contract.drain`, a program of its own, since the kubelet runs it.
"""

import logging
import re
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

# Envoy is on this very machine: what takes longer than this is not coming.
ANSWER_SECONDS: Final = 2.0


# Answers of the issuer's that had its keys, and those that had none.
_FETCHES: Final = "/stats?filter=jwks_fetch_(success|failed)$"
_FETCH: Final = re.compile(r"jwks_fetch_(success|failed): (\d+)")


def post(path: str, *, admin_url: str) -> int:
    """POSTs to Envoy's admin and returns the status.

    Raises:
        OSError: nobody answers at that address.
        HTTPException: what answers is no HTTP server.
    """
    return _ask("POST", path, admin_url=admin_url)[0]


def _ask(method: str, path: str, *, admin_url: str) -> tuple[int, str]:
    address = urlsplit(admin_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def has_keys(admin_url: str) -> bool:
    """Whether Envoy can check a token: not while it has asked for keys, and got none yet.

    A Pod that starts while the issuer is away would refuse whatever comes to it, and a release in
    such an hour would replace all that know the keys by such as do not. Where nobody asks for keys,
    or there is no Envoy, nothing is missing.
    """
    try:
        _, text = _ask("GET", _FETCHES, admin_url=admin_url)
    except (OSError, HTTPException):
        return True
    fetches = {name: int(times) for name, times in _FETCH.findall(text)}
    return fetches.get("success", 0) > 0 or fetches.get("failed", 0) == 0


def undrain(admin_url: str) -> None:
    """Tells Envoy that this app serves (again).

    preStop also runs when the kubelet kills for liveness; the sidecar lives on, drained, and
    without this word the restarted app would never see a request again. Alone on a laptop there
    is no Envoy: that is no reason not to serve.
    """
    try:
        post("/healthcheck/ok", admin_url=admin_url)
    except (OSError, HTTPException):
        log.info("no Envoy answers at %s; serving without one", admin_url)
