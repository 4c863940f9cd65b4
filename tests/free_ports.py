"""Ports for what the tests start, and stop and start again on the same one."""

import os
import socket
from collections.abc import Iterator
from itertools import cycle, islice

LOWEST, HIGHEST = 20_000, 32_000
"""Below those that the kernel gives to outgoing connections (ip_local_port_range, 32768 and up): a
server that is down for a moment would find its port taken by some other test's connection."""


class NoFreePort(Exception):
    """Every port of the range has somebody listening on it."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, each time another one."""
    for port in islice(_PORTS, HIGHEST - LOWEST):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise NoFreePort(f"from {LOWEST} to {HIGHEST} all ports are taken")


# Processes that run side by side have neighbouring numbers: a prime puts them far apart.
_FIRST = LOWEST + os.getpid() * 997 % (HIGHEST - LOWEST)
_PORTS: Iterator[int] = cycle((*range(_FIRST, HIGHEST), *range(LOWEST, _FIRST)))
