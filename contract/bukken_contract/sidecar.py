"""What the app says to its own Envoy: that it serves.

The word to drain is `bukken_contract.drain`, a program of its own, since the kubelet runs it.
"""

import logging
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

# Envoy is on this very machine: what takes longer than this is not coming.
ANSWER_SECONDS: Final = 2.0


def post(path: str, *, admin_url: str) -> int:
    """POSTs to Envoy's admin and returns the status.

    Raises:
        OSError: nobody answers at that address.
        HTTPException: what answers is no HTTP server.
    """
    address = urlsplit(admin_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", path)
        return connection.getresponse().status
    finally:
        connection.close()


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
