"""A database endpoint: an address that stands for whichever instance has the role now.

Aurora's endpoints are names whose answer changes at a failover; here they are ports. As with a
name, the instance is chosen when a connection is made and stays that of the connection, and a
client may be sent to the old one as long as the answer is cached.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_SECONDS = 3.0  # the clients' own limit; a target on this machine answers at once or never
PAUSE_AT_BYTES = 256 * 1024  # what may wait for a slow reader, per direction
RESET = struct.pack("ii", 1, 0)  # struct linger of <sys/socket.h>: closing sends RST, at once


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Endpoint:
    """Forwards TCP connections to the target that `pick` names when they are made.

    For `stale_seconds` an answer of `pick` is used again, as a DNS answer is (Aurora's: 5).
    All that a target says arrives `latency_seconds` later: a Pod's capacity is then its own
    connections by the time a request takes, whatever the machine can do.
    """

    def __init__(
        self, listen: Address, *, pick: Callable[[], Address], stale_seconds: float = 0.0
    ) -> None:
        self.listen = listen
        self.stale_seconds = stale_seconds
        self.latency_seconds = 0.0
        self.sides: set[_Side] = set()
        self._pick = pick
        self._picked: tuple[float, Address] | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), *self.listen)

    async def stop(self) -> None:
        """Listen no more, and cut all connections."""
        for task in self._connecting:
            task.cancel()
        for side in self.sides:
            side.reset()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def silence(self) -> None:
        """What is connected hears nothing any more and is not told, as when a machine vanishes."""
        for side in self.sides:
            side.transport.pause_reading()

    def begin(self, client: _Side) -> None:
        """Connect the client in a task of its own, kept here: the loop's own reference is weak."""
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: _Side) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: _Target(self, client), *self._target())
        except OSError:  # refused, unreachable, timed out: the client shall know at once
            client.reset()

    def _target(self) -> Address:
        now = asyncio.get_running_loop().time()
        if self._picked is None or now - self._picked[0] >= self.stale_seconds:
            self._picked = (now, self._pick())
        return self._picked[1]


class _Side(asyncio.Protocol):
    """One of the two connections: what it hears, the other says. asyncio sets TCP_NODELAY."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._at_end = False
        self._early = b""
        self.other: _Side | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=PAUSE_AT_BYTES)
        self._endpoint.sides.add(self)

    def join(self, other: _Side) -> None:
        """Have somebody to say it to from now on, beginning with what was said too early."""
        self.other = other
        other.transport.write(self._early)
        self._early = b""
        if self._at_end:
            other.transport.write_eof()
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.transport.write(data)
        else:
            # Why not pause in connection_made? Python 3.11.2 reads on, and the bytes were lost.
            self._early += data
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Pass on the half-close and stay open: the answer may still be under way."""
        self._at_end = True
        if self.other:
            self.other.transport.write_eof()
        return not (self.other and self.other._at_end)  # noqa: SLF001 — one of us

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._endpoint.sides.discard(self)
        if self.other and exc:
            self.other.reset()
        elif self.other:
            self.other.transport.close()  # after what is still to be written
        self.other = None

    def reset(self) -> None:
        """End it as a crash does: by RST, with what is unsent lost."""
        if not self.transport.is_closing():
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()


class _Client(_Side):
    """The side that came to us."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._endpoint.begin(self)


class _Target(_Side):
    """The side that we went to."""

    def __init__(self, endpoint: Endpoint, client: _Side) -> None:
        super().__init__(endpoint)
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._client.transport.is_closing():  # by stop()
            self.transport.abort()
            return
        self.join(self._client)
        self._client.join(self)

    def data_received(self, data: bytes) -> None:
        """Say it at once, or when its time has come.

        Until then nothing else is heard, nor that it is the end: so all stays in its order.
        """
        if not self._endpoint.latency_seconds:
            super().data_received(data)
            return
        self.transport.pause_reading()
        loop = asyncio.get_running_loop()
        loop.call_later(self._endpoint.latency_seconds, self._say_late, data)

    def _say_late(self, data: bytes) -> None:
        if self.other:
            # In this order: a client that reads slowly has us pause again.
            self.transport.resume_reading()
            super().data_received(data)
