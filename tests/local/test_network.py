import asyncio
import socket

import pytest

from bukken_local import network
from bukken_local.network import NoNetwork, claim, refuse_taken


def test_two_platforms_have_different_networks() -> None:
    """A network that one platform has claimed is not given to another."""

    async def claim_twice() -> list[int]:
        claimed = [claim(lambda _: None) for _ in range(2)]
        for _, server in claimed:
            server.close()
        return [network.number for network, _ in claimed]

    first, second = asyncio.run(claim_twice())

    assert first != second


def test_a_program_in_the_way_of_every_pod_is_told() -> None:
    """Who listens on 0.0.0.0 has the port on each address, also on one that nobody has."""
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 — that is the case
        port = listener.getsockname()[1]

        with pytest.raises(NoNetwork, match=rf"or 0\.0\.0\.0:{port}"):
            refuse_taken("127.0.250.2", port=port)


def test_no_network_is_claimed_when_a_pods_port_is_taken_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A platform whose Pods could not listen is refused before anything of it starts."""

    async def claim_one() -> None:
        claim(lambda _: None)

    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 — that is the case
        port = listener.getsockname()[1]
        # In place of 8000 and the others, which a platform beside these tests may have.
        monkeypatch.setattr(network, "FIXED_PORTS", (port,))

        with pytest.raises(NoNetwork, match=rf"or 0\.0\.0\.0:{port}"):
            asyncio.run(claim_one())


def test_a_taken_port_is_refused_even_if_it_is_shared() -> None:
    """A listener that would share its port, as Envoy's do, is found all the same."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(NoNetwork, match=rf"127\.0\.0\.1:{port}"):
            refuse_taken("127.0.0.1", port=port)
