"""Asks a container how it is, as the kubelet does."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import httpx

from bukken_local.kubernetes.manifests import Container, HttpGet, Probe, TcpSocket
from bukken_local.kubernetes.sandbox import Sandbox

Check = Callable[[], Awaitable[bool]]
"""Asks once."""


async def verdicts(probe: Probe, *, check: Check, age: float = 0) -> AsyncIterator[bool]:
    """Yields True or False each time enough answers in a row say so; for ever.

    Args:
        probe: how often to ask and how many answers in a row count.
        check: asks once.
        age: seconds since the container's start, which the initial delay is counted from.
    """
    await asyncio.sleep(max(0, probe.initial_delay_seconds - age))
    thresholds = {True: probe.success_threshold, False: probe.failure_threshold}
    last, in_a_row = True, 0
    clock = asyncio.get_running_loop().time
    while True:
        asked = clock()
        passed = await check()
        last, in_a_row = passed, in_a_row + 1 if passed == last else 1
        if in_a_row >= thresholds[passed]:
            yield passed
        await asyncio.sleep(max(0, asked + probe.period_seconds - clock()))


def check_of(probe: Probe, *, container: Container, sandbox: Sandbox, purpose: str) -> Check:
    """The question a probe puts; an answer later than its time-out is a failure."""

    async def check() -> bool:
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                return await ask()
        except (TimeoutError, OSError, httpx.HTTPError):
            return False

    async def ask() -> bool:
        if probe.http_get is not None:
            return await _answers_http(probe.http_get, container=container, sandbox=sandbox)
        if probe.tcp_socket is not None:
            return await _accepts(probe.tcp_socket, container=container, sandbox=sandbox)
        assert probe.exec_ is not None  # noqa: S101 — a Probe has exactly one question
        return await _exits_well(
            probe.exec_.command, container=container, sandbox=sandbox, purpose=purpose
        )

    return check


async def _answers_http(get: HttpGet, *, container: Container, sandbox: Sandbox) -> bool:
    # A connection a question, as the kubelet does it: a kept one would ask a process that has been
    # replaced. And no proxy of the user's is between a kubelet and its Pods.
    url = f"http://{sandbox.home.address}:{container.port(get.port)}{get.path}"
    # The context is empty: httpx would read the machine's certificates for each, which takes 40 ms.
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(verify=no_tls, trust_env=False, timeout=None) as client:  # noqa: S113 — check's
        answer = await client.get(url, headers={"User-Agent": "kube-probe"})
    return answer.is_success or answer.is_redirect


async def _accepts(socket: TcpSocket, *, container: Container, sandbox: Sandbox) -> bool:
    address = sandbox.home.address
    _, writer = await asyncio.open_connection(address, container.port(socket.port))
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _exits_well(
    command: tuple[str, ...], *, container: Container, sandbox: Sandbox, purpose: str
) -> bool:
    child = sandbox.execute(container, command, purpose=purpose)
    try:
        await child.wait()
    finally:
        await child.stop(grace_seconds=0)
    return child.exit_status == 0
