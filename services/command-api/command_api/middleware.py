"""What is done for each request, whatever it is: its path, its id, and the net below it."""

import logging
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bukken_contract import logs
from bukken_contract.problems import InternalError
from command_api.errors import answer

log = logging.getLogger(__name__)

REQUEST_ID_HEADER: Final = "X-Request-ID"


class EachRequest:
    """Pure ASGI, since a framework's middleware class would put a task and a queue in between."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; the server's own messages (lifespan) pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answering = _Answering(send, request_id=_begin(Headers(scope=scope)))
        try:
            await self._app(_as_sent(scope), receive, answering.send)
        except ClientDisconnect:
            log.info("the client went away before its body was read")
        except Exception as error:  # noqa: BLE001 — the net below every handler
            log.error("%s\n%s", type(error).__name__, logs.stack_of(error))  # noqa: TRY400 — the error's text may quote what a client sent
            if not answering.begun:
                problem = InternalError("our fault; the log has the rest under the request's id")
                await answer(problem)(scope, receive, answering.send)


class _Answering:
    """Sends the answer, with the request's id on it."""

    def __init__(self, send: Send, *, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = self._request_id
        await self._send(message)


def _begin(headers: Headers) -> str:
    """The request's id; Envoy gives one, but on a laptop there may be no Envoy."""
    traceparent = headers.get("traceparent")
    given = logs.begin_request(request_id=headers.get(REQUEST_ID_HEADER), traceparent=traceparent)
    return given or logs.begin_request(request_id=str(uuid4()), traceparent=traceparent)


def _as_sent(scope: Scope) -> Scope:
    """Routed by the path as it was sent: decoded, %2F would be a slash and bad UTF-8 U+FFFD."""
    return {**scope, "path": scope["raw_path"].decode("latin-1")}
