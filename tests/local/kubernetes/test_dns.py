import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from bukken_local.kubernetes.dns import TTL_SECONDS, DnsServer, LookupFailed, answer, serve

READY = "query-api.bukken.svc.cluster.local."
EMPTY = "command-api.bukken.svc.cluster.local."
PODS = {READY: ["127.0.88.11", "127.0.88.12"], EMPTY: []}


def lookup(name: str) -> Sequence[str] | None:
    """Stands for the Pods that are running."""
    return PODS.get(name)


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[DnsServer]:
    """A server on any free port."""
    server = serve(lookup, host="127.0.0.1", port=0)
    try:
        yield server
    finally:
        server.close()


def asked(name: str, *, kind: str = "A") -> dns.message.Message:
    """What a real socket answers."""

    async def ask() -> dns.message.Message:
        async with served() as server:
            query = dns.message.make_query(name, kind)
            return await dns.asyncquery.udp(query, server.host, port=server.port, timeout=5)

    return asyncio.run(ask())


def test_a_service_has_one_record_for_each_pod() -> None:
    """A name gives every member's address, under CoreDNS's time to live."""
    reply = asked(READY)

    assert {record.to_text() for record in reply.answer[0]} == set(PODS[READY])
    assert reply.answer[0].ttl == TTL_SECONDS


def test_the_case_of_a_name_does_not_matter() -> None:
    """Names are compared as DNS compares them."""
    assert len(asked(READY.upper()).answer[0]) == 2


def test_an_unknown_name_does_not_exist() -> None:
    """A Service nobody made is NXDOMAIN, upon which Envoy drops every host."""
    assert asked("nobody.bukken.svc.cluster.local.").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(("name", "kind"), [(EMPTY, "A"), (READY, "AAAA")])
def test_a_known_name_without_such_records_is_an_empty_answer(name: str, kind: str) -> None:
    """No member, or no IPv6 address, is NOERROR with nothing in it."""
    reply = asked(name, kind=kind)

    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])


def test_noise_gets_no_answer() -> None:
    """What is no DNS message is dropped, and the server goes on."""
    assert answer(b"\x00noise", lookup) is None


def test_an_address_is_claimed_by_one_server() -> None:
    """A second server on the same address is refused, so a platform can claim its network by it."""

    async def claim_twice() -> None:
        async with served() as first:
            serve(lookup, host=first.host, port=first.port)

    with pytest.raises(OSError, match="in use"):
        asyncio.run(claim_twice())


def test_a_failure_is_no_statement_about_a_name() -> None:
    """SERVFAIL: upon it Envoy keeps the hosts that it knows."""

    def failing(name: str) -> Sequence[str] | None:
        raise LookupFailed(name)

    reply = answer(dns.message.make_query(READY, "A").to_wire(), failing)

    assert reply is not None
    assert dns.message.from_wire(reply).rcode() == dns.rcode.SERVFAIL
