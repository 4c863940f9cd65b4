"""Taking listings in: batches and single PUTs, beside COPY into the same table."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

from benchmarks.client import ask_all, request
from benchmarks.figures import Figure, Sizes, ratio, rounded
from benchmarks.grown import Growth
from benchmarks.measured import Measured
from bukken_contract import exact_json
from bukken_local.legacy.importer import BATCH_LINES
from command_api.members import members_of

# As the back end's stand-in sends, batches or one PUT each: over so many connections.
CONNECTIONS: Final = 4
LONGEST_SECONDS: Final = 300


def intake(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    """New listings each time, through the load balancer."""
    growth = Growth(place.growth.real, prefix=f"taken-in-{time.time_ns()}")
    copied, batched, put = [], [], []
    for number in range(sizes.rounds):
        begin = number * 3 * sizes.rows
        thirds = [range(begin + n * sizes.rows, begin + (n + 1) * sizes.rows) for n in range(3)]
        copied.append(sizes.rows / place.copy(thirds[0], growth=growth))
        batched.append(_batches(place, growth, thirds[1]))
        put.append(_puts(place, growth, thirds[2][: sizes.rows // 5]))
        place.settle()
    raw = {
        "COPY, rows/s": rounded(copied),
        "batches, rows/s": rounded(batched),
        "PUT, rows/s": rounded(put),
    }
    yield Figure(
        name="batch intake through the load balancer ÷ COPY",
        ratio=ratio(batched, copied),
        at_least=0.35,
        dream=0.5,
        raw=raw,
    )
    yield Figure(name="batch intake ÷ one PUT each", ratio=ratio(batched, put), at_least=8, raw=raw)


def _batches(place: Measured, growth: Growth, numbers: Sequence[int]) -> float:
    """Rows a second. A thread for each connection: while one sends, others listen."""
    token = place.token("legacy-backend", scope="listings.write")
    bodies = [
        b"\n".join(_line(growth, number) for number in numbers[begin : begin + BATCH_LINES])
        for begin in range(0, len(numbers), BATCH_LINES)
    ]
    kind = "application/x-ndjson"
    asked = [
        request("POST", "/v1/batches/listings", token=token, body=body, kind=kind)
        for body in bodies
    ]
    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        each = [iter(asked[number::CONNECTIONS]) for number in range(CONNECTIONS)]
        list(threads.map(lambda one: _ask(place, [one]), each))
    return len(numbers) / (time.monotonic() - began)


def _puts(place: Measured, growth: Growth, numbers: Sequence[int]) -> float:
    token = place.token("legacy-backend", scope="listings.write")
    asked = [
        request(
            "PUT",
            f"/v1/listings/{growth.key(number)}",
            token=token,
            body=exact_json.encode(members_of(growth.message(number).listing)),
        )
        for number in numbers
    ]
    began = time.monotonic()
    _ask(place, [iter(asked[number::CONNECTIONS]) for number in range(CONNECTIONS)])
    return len(numbers) / (time.monotonic() - began)


def _ask(place: Measured, clients: Sequence[Iterator[bytes]]) -> None:
    url = urlsplit(place.description["url"])
    address = (str(url.hostname), int(url.port or 80))
    ask_all(address, clients, seconds=LONGEST_SECONDS, statuses=(200, 201))


def _line(growth: Growth, number: int) -> bytes:
    message = growth.message(number)
    own = {"ListingKey": message.key, "SourceVersion": message.source_version}
    return exact_json.encode(own | members_of(message.listing))
