"""Asks the platform from outside whether it is there: both sides, through the load balancer.

As a stranger it must be refused by either side, in the words of Envoy: that shows name,
certificate, load balancer, routing by method, and a sidecar that has its rules. With a token that
may read, a page of listings must come: that shows the app and its database too.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any, Final

WAIT_SECONDS: Final = 60  # a new load balancer's name and targets are known everywhere only then
ANSWER_SECONDS: Final = 20  # more than the route's own time-out (15 s)


class WrongAnswerError(Exception):
    """The platform does not answer as it should; the text says what was asked and what came."""


def test(url: str, *, token: str | None) -> None:
    """Asks until all is well, for a minute.

    Raises:
        WrongAnswerError: the last answer that was wrong.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return _ask_all(url, token=token)
        except WrongAnswerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _ask_all(url: str, *, token: str | None) -> None:
    for method, path in (("GET", "/v1/listings"), ("PUT", "/v1/listings/smoke")):
        status, body = _answer(url + path, method=method)
        if status != 401 or body.get("type") != "about:blank":  # noqa: PLR2004 — HTTP's own number
            raise WrongAnswerError(f"{method} {path}: {status} {body}, not Envoy's own 401")
    if token:
        status, body = _answer(f"{url}/v1/listings?limit=1", method="GET", token=token)
        if status != 200:  # noqa: PLR2004 — as above
            raise WrongAnswerError(f"GET /v1/listings with a token: {status} {body}")


def _answer(url: str, *, method: str, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Status and document; status 0 and the reason when nobody answers."""
    request = urllib.request.Request(url, method=method)  # noqa: S310 — the overlay's own address
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 — as above
            return answer.status, _document(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, _document(refused.read())
    except (OSError, http.client.HTTPException) as error:
        return 0, {"detail": str(error)}


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {"detail": body[:200].decode(errors="replace")}
    return found if isinstance(found, dict) else {}
