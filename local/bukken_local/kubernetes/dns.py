"""The small DNS of the local platform: it answers for the headless Services, as CoreDNS does.

Envoy asks it every few seconds which Pods a Service has. It holds no records: each question is
answered from what is true at that moment, so no record can be stale.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_SECONDS = 5
"""What CoreDNS's kubernetes plugin gives when its Corefile names no other."""

Lookup = Callable[[str], Sequence[str] | None]
"""Gives the IPv4 addresses behind a name (lower case, trailing dot); None: no such name.

Raises `LookupFailed` where a resolver would say that it cannot tell."""

MAX_DATAGRAM = 65_535


class LookupFailed(Exception):
    """DNS has no answer, not even that there is no such name: SERVFAIL."""


def answer(question: bytes, lookup: Lookup) -> bytes | None:
    """Answers one DNS message; None for what cannot be read (a resolver asks again)."""
    try:
        query = dns.message.from_wire(question)
    except dns.exception.DNSException:
        return None
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    try:
        for asked in query.question:
            _resolve(asked, into=response, lookup=lookup)
    except LookupFailed:
        response.set_rcode(dns.rcode.SERVFAIL)
    return response.to_wire()


def _resolve(asked: dns.rrset.RRset, *, into: dns.message.Message, lookup: Lookup) -> None:
    addresses = lookup(asked.name.to_text().lower())
    if addresses is None:
        into.set_rcode(dns.rcode.NXDOMAIN)
    elif addresses and asked.rdtype == dns.rdatatype.A:
        into.answer.append(dns.rrset.from_text_list(asked.name, TTL_SECONDS, "IN", "A", addresses))


@dataclass(frozen=True)
class DnsServer:
    """A running server; UDP alone, since an answer of a few Pods always fits one datagram."""

    host: str
    port: int
    _socket: socket.socket

    def close(self) -> None:
        """Frees the address at once."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


def serve(lookup: Lookup, *, host: str, port: int) -> DnsServer:
    """Binds, and answers on the running event loop until closed.

    Raises:
        OSError: the address is in use.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    asyncio.get_running_loop().add_reader(bound, _answer_next, bound, lookup)
    bound_host, bound_port = bound.getsockname()
    return DnsServer(bound_host, bound_port, bound)


def _answer_next(bound: socket.socket, lookup: Lookup) -> None:
    # An asker may have gone, and its port with it: the next datagram then reports that.
    with contextlib.suppress(OSError):
        question, asker = bound.recvfrom(MAX_DATAGRAM)
        reply = answer(question, lookup)
        if reply is not None:
            bound.sendto(reply, asker)
