"""The back end as one that takes leads: `python -m bukken_local.legacy.back_end --help`.

`POST /leads` with an `Idempotency-Key` is its door. On a port of its own it can be told to behave
badly, at once or by schedule: `PUT /behaviour` with `[{"does": "maintain", "seconds": 5}]`; and
`GET /behaviour` says what it does, and how many leads arrived.
"""

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bukken_local.database.endpoint import Address, Endpoint
from bukken_local.legacy.behaviour import Behaviour, Deed, Phase
from bukken_local.legacy.ledger import Ledger

SLOW_SECONDS: Final = 2.0
MAINTENANCE: Final = "<html><body><h1>ただいまメンテナンス中です</h1></body></html>"


@dataclass(frozen=True, kw_only=True)
class BackEndSettings:
    """Where it listens, and what it keeps. The ledger is made on first use, mode 0600."""

    ledger: Path
    host: str = "127.0.0.1"
    port: int = 8090
    control_port: int = 8091


class BackEnd:
    """Takes leads as it is told to behave."""

    def __init__(self, settings: BackEndSettings) -> None:
        self._ledger = Ledger(settings.ledger)
        # Why a door before the server? A server that shall refuse connections can be told nothing.
        inside = Address("127.0.0.1" if settings.host == "0.0.0.0" else settings.host,  # noqa: S104 — compared
                         settings.control_port)  # fmt: skip
        self._door = Endpoint(Address(settings.host, settings.port), pick=lambda: inside)
        self._is_open = False
        self._behaviour = Behaviour(on_change=self._open_or_shut)
        self._arrived = 0

    async def open(self) -> None:
        """Serves."""
        await self._open_or_shut("serve")

    async def take(self, request: Request) -> Response:
        """A lead, and what becomes of it."""
        body = await request.body()
        key = request.headers.get("Idempotency-Key", "")
        self._arrived += 1
        deed = self._behaviour.now
        if deed in ("hang", "slow", "late"):
            return await self._take_time(deed, key=key, body=body)
        if deed == "maintain":
            return HTMLResponse(MAINTENANCE, status_code=503, headers={"Retry-After": "3600"})
        if deed == "page":
            return HTMLResponse(MAINTENANCE)
        if deed.startswith("answer-"):
            return JSONResponse({"error": "told to"}, status_code=int(deed.removeprefix("answer-")))
        return self._taken(key, body)

    async def _take_time(self, deed: Deed, *, key: str, body: bytes) -> Response:
        if deed == "slow":
            await asyncio.sleep(SLOW_SECONDS)
            return self._taken(key, body)
        answer = self._taken(key, body) if deed == "late" else Response(status_code=503)
        await self._behaviour.until_not(deed)
        return answer

    def _taken(self, key: str, body: bytes) -> Response:
        try:
            lead = msgspec.json.decode(body, type=dict)
        except msgspec.DecodeError:
            return JSONResponse({"error": "no JSON object"}, status_code=400)
        if not key:
            return JSONResponse({"error": "no Idempotency-Key"}, status_code=400)
        is_new = self._ledger.take(key, lead)
        return JSONResponse({"lead": key}, status_code=201 if is_new else 200)

    async def tell(self, _: Request) -> Response:
        """What it does, and how often somebody came."""
        return JSONResponse({"does": self._behaviour.now, "arrived": self._arrived})

    async def behave(self, request: Request) -> Response:
        """Begins a schedule."""
        try:
            phases = msgspec.json.decode(await request.body(), type=list[Phase])
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        await self._behaviour.begin(phases)
        return await self.tell(request)

    async def _open_or_shut(self, deed: Deed) -> None:
        if deed == "refuse" and self._is_open:
            await self._door.stop()
        elif deed != "refuse" and not self._is_open:
            await self._door.start()
        self._is_open = deed != "refuse"


def create_app(back_end: BackEnd) -> Starlette:
    """Its door and its control."""
    return Starlette(
        routes=[
            Route("/leads", back_end.take, methods=["POST"]),
            Route("/behaviour", back_end.behave, methods=["PUT"]),
            Route("/behaviour", back_end.tell, methods=["GET"]),
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    settings = BackEndSettings(**vars(_parser().parse_args(arguments)))
    asyncio.run(_serve(settings))


async def _serve(settings: BackEndSettings) -> None:
    back_end = BackEnd(settings)
    await back_end.open()
    config = uvicorn.Config(
        create_app(back_end),
        host=settings.host,
        port=settings.control_port,
        ws="none",
        access_log=False,
        timeout_keep_alive=75,  # longer than Envoy keeps an idle connection (30 s)
        timeout_graceful_shutdown=1,  # it may be hanging, as told
    )
    await uvicorn.Server(config).serve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bukken_local.legacy.back_end", description=__doc__
    )
    default = BackEndSettings
    parser.add_argument("--host", default=default.host, help="address (%(default)s)")
    parser.add_argument("--port", type=int, default=default.port, help="for leads (%(default)s)")
    parser.add_argument(
        "--control-port", type=int, default=default.control_port, help="to be told (%(default)s)"
    )
    parser.add_argument("--ledger", type=Path, required=True, help="file of what was taken")
    return parser


if __name__ == "__main__":
    main()
