"""The export, page by page, beside COPY … TO STDOUT of the same JSON."""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.client import ask_all, request
from benchmarks.figures import Figure, Sizes, ratio, rounded
from benchmarks.measured import Measured
from benchmarks.memory import memory_of
from query_api.documents import document_of
from query_api.exports import MAX_LISTINGS

PAGES: Final = 6


def export(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    """Each turn goes on where the one before it ended."""
    exported, copied, memory = [], [], []
    first = f"/v1/exports/listings?limit={min(MAX_LISTINGS, sizes.rows)}"
    link: str | None = None
    worker = place.pods("query-api")[0]["pids"]["app"]
    for _ in range(sizes.rounds):
        rows, seconds, link = _pages(place, link or first)
        exported.append(rows / seconds)
        copied.append(rows / _copied(place, rows=rows))
        memory.append(memory_of(worker).resident)
    raw = {
        "export, rows/s": rounded(exported),
        "COPY, rows/s": rounded(copied),
        "memory after each round, MiB": rounded(memory),
    }
    yield Figure(
        name="export ÷ COPY … TO STDOUT of the same JSON",
        ratio=ratio(exported, copied),
        at_least=0.4,
        dream=0.6,
        raw=raw,
    )
    yield Figure(
        # By half of them each of the worker's threads has made pages, and has its memory.
        name="export: memory after all pages ÷ after half of them",
        ratio=memory[-1] / memory[len(memory) // 2],
        at_most=1.1,
        raw=raw,
    )


def _pages(place: Measured, link: str | None) -> tuple[int, float, str | None]:
    """Rows, seconds, and where to go on."""
    pod = place.pods("query-api")[0]
    token = place.token("portal-0", scope="listings.read")
    rows, seconds = 0, 0.0
    for _ in range(PAGES):
        if link is None:
            break
        load = ask_all(
            (pod["address"], 8080), [iter([request("GET", link, token=token)])], seconds=1
        )
        last: dict[str, Any] = json.loads(load.last.rstrip().rpartition(b"\n")[2])
        rows, seconds, link = rows + last["count"], seconds + load.seconds, last.get("next")
    return rows, seconds, link


def _copied(place: Measured, *, rows: int) -> float:
    """Seconds."""
    listing = document_of("bukken.listings").element
    statement = (
        f"COPY (SELECT {listing} FROM bukken.listings WHERE visible"  # noqa: S608 — our own expression
        f" ORDER BY listing_key LIMIT {rows}) TO STDOUT"
    )
    with place.connect("bukken_reader", at="standby") as reader:
        began = time.monotonic()
        with reader.cursor().copy(statement.encode()) as stream:
            for _ in stream:
                pass
        return time.monotonic() - began
