"""What was under way when the database went."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import pytest
from running_command_api import until_waiting
from staged_outage import CALLS, LISTING, PRIMARY, Answer, Exchange, crash, hung

from command_api.batch_lines import CHUNK_LINES

# Two chunks; the third waits at its first listing.
LINES: Final = 2 * CHUNK_LINES + 10
HELD: Final = 2 * CHUNK_LINES


@contextmanager
def writer_away(exchange: Exchange) -> Iterator[None]:
    """Every connection is cut, and nobody listens."""
    exchange.writer.close()
    yield
    exchange.writer.lead(exchange.cluster.primary)


@contextmanager
def primary_crashed(exchange: Exchange) -> Iterator[None]:
    """The primary ends at once."""
    crash(exchange)
    yield


def primary_hung(exchange: Exchange) -> AbstractContextManager[None]:
    """The primary says nothing more."""
    return hung(exchange, PRIMARY)


def keys_of(name: str) -> list[str]:
    """Those of a batch."""
    return [f"{name}-{number:03}" for number in range(LINES)]


def batch(exchange: Exchange, keys: list[str]) -> Answer:
    """The answer to a batch of these listings."""
    lines = "\n".join(json.dumps(LISTING | {"ListingKey": key}) for key in keys)
    return exchange.ask(CALLS["batch"]._replace(content=lines))


def told(answer: Answer) -> list[dict[str, Any]]:
    """Its lines."""
    assert answer.status == 200, str(answer)
    return [json.loads(line) for line in answer.body.splitlines()]


def stored(exchange: Exchange, name: str) -> set[str]:
    """The keys of the batch that are there."""
    keys = exchange.as_master("SELECT listing_key FROM bukken.listings")
    return {key for (key,) in keys if key.startswith(f"{name}-")}


@pytest.mark.parametrize("harm", [writer_away, primary_crashed, primary_hung])
def test_a_batch_tells_which_of_its_lines_are_there(
    exchange: Exchange, harm: Callable[[Exchange], AbstractContextManager[None]]
) -> None:
    """Committed chunks are told as they were done, the rest not-done; all of it again is right."""
    name = harm.__name__
    keys = keys_of(name)
    batch(exchange, [keys[HELD]])
    other = exchange.database.connect("bukken_writer")
    other.execute("SELECT FROM listings WHERE listing_key = %s FOR UPDATE", [keys[HELD]])

    with ThreadPoolExecutor() as pool:
        cut = pool.submit(batch, exchange, keys)
        until_waiting(exchange.database)
        with harm(exchange):
            answer = cut.result()
        other.close()
        exchange.mend()  # the storage may have given the primary up
    there = stored(exchange, name)
    again = [line["Result"] for line in told(batch(exchange, keys))]

    results = told(answer)
    created = {line["ListingKey"] for line in results if line["Result"] == "created"}
    assert [line["Result"] for line in results] == ["created"] * HELD + ["not-done"] * 10
    assert {line["Problem"]["status"] for line in results[HELD:]} == {503}
    assert there == created | {keys[HELD]}
    assert again == ["unchanged"] * (HELD + 1) + ["created"] * 9
