"""Reading one listing, beside a route that does nothing and beside the usual way."""

import random
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import httpx

from benchmarks.client import Load, ask_all, request
from benchmarks.figures import Figure, Sizes, middle, ratio, rounded
from benchmarks.measured import Measured

# One less than the app's threads: as many as its sidecar lets through.
CLIENTS = 7
PARTNERS = 20
KEYS = 2_000


def reading(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    """All three in the same worker, through the same Envoy."""
    sides = {"empty": "bench-empty", "one": "{}", "usual": "bench-usual-{}"}
    keys = _keys(place)
    _let_pass(place.pods("query-api")[0])
    rates: dict[str, list[float]] = {name: [] for name in sides}
    waits: dict[str, list[float]] = {name: [] for name in sides}
    client = 0.0
    for _ in range(sizes.rounds * 2):
        for name, target in sides.items():
            load = _asked(place, [target.format(key) for key in keys], seconds=sizes.seconds)
            rates[name].append(load.rate)
            waits[name].append(1000 * middle(load.waits))
            client = load.client_seconds / len(load.waits)
    raw = {
        **{f"{name}, answers/s": rounded(rate) for name, rate in rates.items()},
        **{f"{name}, ms": rounded(wait) for name, wait in waits.items()},
        "the client's own share of an answer, µs": round(client * 1e6),
    }
    one = "read one listing through Envoy"
    yield Figure(
        name=f"{one} ÷ an empty Flask route",
        ratio=ratio(rates["one"], rates["empty"]),
        at_least=0.6,
        dream=0.75,
        raw=raw,
    )
    yield Figure(
        name=f"{one} ÷ ORM object → jsonify",
        ratio=ratio(rates["one"], rates["usual"]),
        at_least=1.6,
        dream=2.5,
        raw=raw,
    )


def _let_pass(pod: Mapping[str, Any]) -> None:
    """Its limits count and refuse nothing: the empty route is quicker than 2,000 a second."""
    changed = {"pod_limit.enforced": "0", "client_limit.enforced": "0"}
    url = f"{pod['admin_url']}/runtime_modify"
    httpx.post(url, params=changed, trust_env=False).raise_for_status()


def _asked(place: Measured, targets: list[str], *, seconds: float) -> Load:
    """For many partners by turns, since one may ask 500 times a second."""
    pod = place.pods("query-api")[0]
    tokens = [place.token(f"portal-{n}", scope="listings.read") for n in range(PARTNERS)]
    clients = [_questions(targets, tokens=tokens) for _ in range(CLIENTS)]
    return ask_all((pod["address"], 8080), clients, seconds=seconds)


def _questions(targets: list[str], *, tokens: list[str]) -> Iterator[bytes]:
    shuffled = random.sample(targets, len(targets))
    asked = [
        request("GET", f"/v1/listings/{target}", token=token)
        for target, token in zip(shuffled, cycle(tokens), strict=False)
    ]
    return cycle(asked)


def _keys(place: Measured) -> list[str]:
    """Of visible listings, from all over the table."""
    numbers = random.Random(1).choices(range(place.listings), k=KEYS)  # noqa: S311 — no secret
    visible = "SELECT listing_key FROM bukken.listings WHERE visible AND listing_key = ANY(%s)"
    with place.connect("bukken_reader", at="standby") as reader:
        return [key for (key,) in reader.execute(visible, [[*map(place.growth.key, numbers)]])]
