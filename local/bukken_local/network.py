"""The addresses of one platform: a network of its own on this machine's loopback.

Several platforms (tests beside `make run`) must not meet, and the ports inside a Pod are the same
everywhere; so each platform has a 127.0.N.0/24 of its own. It is claimed by binding its DNS server,
which only one process can, and which ends with that process however it ends.
"""

import errno
import socket
from dataclasses import dataclass

from bukken_local.database.endpoint import Address
from bukken_local.kubernetes.dns import DnsServer, Lookup, serve
from bukken_local.kubernetes.envoy_files import Home

NUMBERS = range(88, 250)
DNS_PORT = 1053  # 53 is root's, 5353 is often mDNS's
DATABASE_PORT = 15432  # 5432 is often taken on all addresses: a container's published port
ISSUER_PORT = 8089
BACK_END_PORT = 8090
BACK_END_CONTROL_PORT = 8091
POD_HOMES = 80  # two addresses each, from .20 and from .120 on
FIXED_PORTS = (
    *(8000, 8080, 9001, 9901, 9902),
    *(DATABASE_PORT, ISSUER_PORT, BACK_END_PORT, BACK_END_CONTROL_PORT),
)


class NoNetwork(Exception):
    """The loopback has no place for another platform; the message says what is in the way."""


@dataclass(frozen=True)
class Network:
    """Who lives where in 127.0.N.0/24."""

    number: int

    @property
    def dns(self) -> Address:
        """The DNS server of the headless names."""
        return Address(self._host(2), DNS_PORT)

    @property
    def writer(self) -> Address:
        """The database's writer endpoint."""
        return Address(self._host(3), DATABASE_PORT)

    @property
    def reader(self) -> Address:
        """The database's reader endpoint."""
        return Address(self._host(4), DATABASE_PORT)

    def instance(self, number: int) -> Address:
        """A database server, behind the endpoints."""
        return Address(self._host(4 + number), DATABASE_PORT)

    @property
    def inner_load_balancer(self) -> Address:
        """The load balancer as Pods would call it; nobody is there but in a drill."""
        return Address(self._host(220), 8080)

    @property
    def issuer(self) -> Home:
        """Where the issuer's stand-in lives."""
        return self._home(10)

    @property
    def alb(self) -> Home:
        """Where the ALB's stand-in lives; all the world knows it as 127.0.0.1."""
        return Home(address="127.0.0.1", loopback=self._home(11).loopback)

    @property
    def back_end(self) -> Home:
        """Where the legacy back end's stand-in lives, as one that takes leads."""
        return self._home(12)

    def pod(self, number: int) -> Home:
        """Where the platform's nth Pod lives, counted from 0."""
        return self._home(20 + number)

    def _home(self, host: int) -> Home:
        return Home(address=self._host(host), loopback=self._host(100 + host))

    def _host(self, host: int) -> str:
        return f"127.0.{self.number}.{host}"


def claim(lookup: Lookup) -> tuple[Network, DnsServer]:
    """Takes the first free network, with its DNS server.

    Raises:
        NoNetwork: all are taken, or a program listens on all of this machine's addresses at a port
            that every Pod needs.
    """
    _refuse_taken_ports()
    for network in map(Network, NUMBERS):
        try:
            return network, serve(lookup, host=network.dns.host, port=network.dns.port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise NoNetwork(f"all networks from 127.0.{NUMBERS[0]}.0 to 127.0.{NUMBERS[-1]}.0 are in use")


def refuse_taken(host: str, *, port: int) -> None:
    """Raises NoNetwork if somebody listens at this address.

    Asked beforehand, because Envoy would not be refused: two of them share a port silently.
    """
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise NoNetwork(
                f"another program listens at {host}:{port} or 0.0.0.0:{port}"
            ) from error


def _refuse_taken_ports() -> None:
    nobody = Network(NUMBERS[-1] + 1).dns.host  # so it is on 0.0.0.0, where all Pods' ports are
    for port in FIXED_PORTS:
        refuse_taken(nobody, port=port)
