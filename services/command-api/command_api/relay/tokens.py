"""The token the relay shows to query-api: fetched as a client, renewed long before it expires."""

import logging
import time
from collections.abc import Callable
from typing import Final

import httpx

from command_api.relay.backoff import Backoff

log = logging.getLogger(__name__)

SCOPE: Final = "bukken/listings.read"
# Renewed when half of its life is over: an issuer that is away for less is noticed by nobody.
RENEW_AFTER: Final = 0.5
# A token this close to its end may be refused by a clock that is ahead.
EARLY_SECONDS: Final = 30.0
# Refused for longer, a new one is no remedy, and the issuer counts how often it is asked.
REFUSED_SECONDS: Final = 10.0


class NoToken(Exception):
    """The issuer gives none at the moment, and there is no older one."""


class Token:
    """One client's token. One loop alone renews it (`keep_good`), so nothing is locked."""

    def __init__(
        self, client: httpx.AsyncClient, *, client_id: str, secret: Callable[[], str]
    ) -> None:
        self._client = client
        self._client_id = client_id
        self._secret = secret
        self.value = ""
        self._renew_at = self._good_until = self._ask_at = self._heed_at = 0.0
        self._backoff = Backoff(first_seconds=0.5, most_seconds=10)

    async def keep_good(self) -> None:
        """Leaves `value` good for some time yet.

        Raises:
            NoToken: wait, and ask again.
        """
        moment = time.monotonic()
        if moment >= self._renew_at and moment >= self._ask_at:
            await self._renew()
        if time.monotonic() >= self._good_until:
            raise NoToken

    def refused(self) -> None:
        """Somebody did not take it: the issuer may have changed its keys.

        It is kept until there is another: with an issuer that is away nothing would be delivered.
        """
        if (moment := time.monotonic()) >= self._heed_at:
            self._renew_at, self._heed_at = 0.0, moment + REFUSED_SECONDS

    async def _renew(self) -> None:
        try:
            value, lives = await self._fetch()
        except (httpx.HTTPError, OSError, ValueError, LookupError, TypeError) as error:
            self._backoff.failed()
            self._ask_at = time.monotonic() + self._backoff.pause()
            log.warning("no token: %s", _reason(error))
            return
        self._backoff.succeeded()
        self.value, moment = value, time.monotonic()
        self._renew_at = moment + lives * RENEW_AFTER
        self._good_until = moment + lives - EARLY_SECONDS

    async def _fetch(self) -> tuple[str, float]:
        answer = await self._client.post(
            "/oauth2/token",
            headers={"Host": "token-endpoint"},
            data={"grant_type": "client_credentials", "scope": SCOPE},
            auth=(self._client_id, self._secret()),
        )
        answer.raise_for_status()
        members = answer.json()
        return str(members["access_token"]), float(members["expires_in"])


def _reason(error: Exception) -> str:
    """Never the error's own text: the request it quotes may hold the secret."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the issuer answered {error.response.status_code}"
    return type(error).__name__
