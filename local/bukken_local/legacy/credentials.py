"""An OAuth client's token for httpx: fetched when needed, renewed before it expires."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Final

import httpx

EARLY_SECONDS: Final = 60  # a token is renewed this long before it expires, clocks being clocks


class NotAuthorizedError(Exception):
    """The issuer gives this client no token; the text names both."""


class ClientCredentials(httpx.Auth):
    """Puts a bearer token on each request. However many wait, one of them fetches it.

    A 401 renews the token once: the issuer may have changed its keys.
    """

    def __init__(self, *, token_url: str, client_id: str, client_secret: str) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._token = ""
        self._renew_at = 0.0
        self._fetching = asyncio.Lock()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Each request with the token; once more with a new one if the first is not taken."""
        used = await self._fresh_token()
        request.headers["Authorization"] = f"Bearer {used}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {await self._fresh_token(unlike=used)}"
            yield request

    async def _fresh_token(self, *, unlike: str = "") -> str:
        async with self._fetching:
            if time.monotonic() >= self._renew_at or self._token == unlike:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                self._token_url,
                data={"grant_type": "client_credentials"},
                auth=(self._client_id, self._client_secret),
            )
        if answer.is_server_error:
            raise httpx.ConnectError(f"{self._token_url} answered {answer.status_code}")
        if not answer.is_success:
            raise NotAuthorizedError(
                f"{self._token_url} gives {self._client_id} no token: "
                f"{answer.status_code} {answer.text[:200]}"
            )
        token = answer.json()
        self._token = token["access_token"]
        self._renew_at = time.monotonic() + token["expires_in"] - EARLY_SECONDS
