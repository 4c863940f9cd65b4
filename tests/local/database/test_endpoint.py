import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bukken_local.database.endpoint import Address, Endpoint
from bukken_local.processes.waiting import until

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FreeAddress = Callable[[], Address]
BIG = 20_000_000  # more than all buffers between two sockets hold


def _saying(name: bytes) -> Handler:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(name + await reader.read())
        writer.close()

    return say


@asynccontextmanager
async def _server(handler: Handler) -> AsyncIterator[Address]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield Address(*server.sockets[0].getsockname())
    finally:
        server.close()


@asynccontextmanager
async def _endpoint(
    address: Address, *, pick: Callable[[], Address], stale_seconds: float = 0.0
) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(address, pick=pick, stale_seconds=stale_seconds)
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.stop()


async def _ask(address: Address, question: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(question)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.transport.abort()


def test_both_directions_are_forwarded_past_a_half_close(free_address: FreeAddress) -> None:
    """A client that has said all it has to say still gets its answer, however long both are."""

    async def ask() -> bytes:
        listen = free_address()
        async with _server(_saying(b"one:")) as one, _endpoint(listen, pick=lambda: one):
            return await _ask(listen, b"x" * BIG)

    assert asyncio.run(ask()) == b"one:" + b"x" * BIG


def test_the_instance_is_picked_when_a_connection_is_made(free_address: FreeAddress) -> None:
    """After a failover new connections reach the new instance."""

    async def ask() -> list[bytes]:
        listen = free_address()
        async with _server(_saying(b"one")) as one, _server(_saying(b"two")) as two:
            targets = [one, two]
            async with _endpoint(listen, pick=lambda: targets[0]):
                first = await _ask(listen)
                targets.reverse()
                return [first, await _ask(listen)]

    assert asyncio.run(ask()) == [b"one", b"two"]


def test_a_stale_endpoint_still_gives_the_old_instance(free_address: FreeAddress) -> None:
    """A cached DNS answer leads to the old instance until it is too old."""

    async def ask() -> list[bytes]:
        listen = free_address()
        async with _server(_saying(b"one")) as one, _server(_saying(b"two")) as two:
            targets = [one, two]
            async with _endpoint(listen, pick=lambda: targets[0], stale_seconds=600) as endpoint:
                first = await _ask(listen)
                targets.reverse()
                second = await _ask(listen)
                endpoint.stale_seconds = 0
                return [first, second, await _ask(listen)]

    assert asyncio.run(ask()) == [b"one", b"one", b"two"]


def test_an_answer_takes_so_much_longer(free_address: FreeAddress) -> None:
    """What a target says arrives whole and in its order, and no part of it before its time."""

    async def ask() -> tuple[bytes, float]:
        listen = free_address()
        async with _server(_saying(b"one:")) as one, _endpoint(listen, pick=lambda: one) as slow:
            slow.latency_seconds = 0.1
            began = asyncio.get_running_loop().time()
            answer = await _ask(listen, bytes(range(256)) * 4096)
            return answer, asyncio.get_running_loop().time() - began

    answer, took = asyncio.run(ask())

    assert answer == b"one:" + bytes(range(256)) * 4096
    assert took >= 0.1


def test_who_is_connected_hears_nothing_any_more(free_address: FreeAddress) -> None:
    """Neither an answer nor an end; who connects anew is answered."""

    async def ask() -> tuple[bool, bytes]:
        listen = free_address()
        async with _server(_saying(b"one")) as one, _endpoint(listen, pick=lambda: one) as endpoint:
            reader, writer = await asyncio.open_connection(*listen)
            await until(lambda: len(endpoint.sides) == 2, seconds=5, what="both sides are there")
            endpoint.silence()
            writer.write_eof()
            heard = asyncio.create_task(reader.read())
            anew = await _ask(listen)
            silent = not heard.done()
            heard.cancel()
            writer.transport.abort()
            return silent, anew

    assert asyncio.run(ask()) == (True, b"one")


def test_a_refusing_target_fails_the_client_at_once(free_address: FreeAddress) -> None:
    """A client of a dead instance gets an error, it does not wait."""

    async def ask() -> None:
        listen, nobody = free_address(), free_address()
        async with _endpoint(listen, pick=lambda: nobody), asyncio.timeout(1):
            await _ask(listen, b"anybody?")

    with pytest.raises(ConnectionError):
        asyncio.run(ask())


def test_a_reset_is_passed_on(free_address: FreeAddress) -> None:
    """A crash of the server is not made to look like an orderly end."""

    async def crash(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection: socket.socket = writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async def ask() -> None:
        listen = free_address()
        async with _server(crash) as target, _endpoint(listen, pick=lambda: target):
            reader, writer = await asyncio.open_connection(*listen)
            try:
                await reader.read()
            finally:
                writer.transport.abort()

    with pytest.raises(ConnectionResetError):
        asyncio.run(ask())


def test_a_slow_reader_holds_the_sender_back(free_address: FreeAddress) -> None:
    """The forwarder's memory does not fill with what a client does not take."""

    async def write_all() -> int:
        listen, closing = free_address(), asyncio.Event()

        async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"x" * BIG)
            await closing.wait()
            writer.transport.abort()

        async with _server(pour) as target, _endpoint(listen, pick=lambda: target) as endpoint:
            _, writer = await asyncio.open_connection(*listen, limit=1)

            def held() -> int:
                return sum(side.transport.get_write_buffer_size() for side in endpoint.sides)

            def paused() -> bool:
                return held() > 0 and not all(s.transport.is_reading() for s in endpoint.sides)

            await until(paused, seconds=5, what="the endpoint stops reading from the target")
            most = held()
            closing.set()
            writer.transport.abort()
            return most

    assert asyncio.run(write_all()) < 2_000_000


def test_nothing_is_left_when_connections_end(free_address: FreeAddress) -> None:
    """A forwarder that runs for weeks keeps nothing of the connections it has had."""

    async def ask() -> None:
        listen = free_address()
        async with _server(_saying(b"")) as target, _endpoint(listen, pick=lambda: target) as end:
            await asyncio.gather(*(_ask(listen, b"x") for _ in range(50)))

            def alone() -> bool:
                return not end.sides and asyncio.all_tasks() == {asyncio.current_task()}

            await until(alone, seconds=5, what="no connection and no task is left")

    asyncio.run(ask())


def test_stop_cuts_open_connections(free_address: FreeAddress) -> None:
    """A stopped endpoint waits for nobody."""

    async def ask() -> bytes:
        listen = free_address()
        async with _server(_saying(b"")) as target, _endpoint(listen, pick=lambda: target) as end:
            reader, writer = await asyncio.open_connection(*listen)
            await until(lambda: len(end.sides) == 2, seconds=5, what="both sides are up")
            async with asyncio.timeout(1):
                await end.stop()
            try:
                return await reader.read()
            finally:
                writer.transport.abort()

    with pytest.raises(ConnectionResetError):
        asyncio.run(ask())
