"""Single commands, beside pgbench and beside a bare FastAPI route, all with the same statements."""

import random
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from psycopg.sql import Literal
from sqlalchemy import Select, Update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg as psycopg_dialect

from benchmarks.client import ask_all, request
from benchmarks.command_side import CONTENT, LOCK, write_of
from benchmarks.figures import Figure, Sizes, ratio, rounded
from benchmarks.measured import Measured
from bukken_contract import exact_json
from command_api.members import members_of

CLIENTS: Final = 16
LISTINGS: Final = 2_000


def commands(place: Measured, sizes: Sizes) -> Iterator[Figure]:
    """Each changes a listing that is there: it is locked, written, committed."""
    service, bare, plain = [], [], []
    _rate(place, "", seconds=sizes.seconds, base=0)  # the first of all wait for connections
    for number in range(1, sizes.rounds + 1):
        service.append(_rate(place, "", seconds=sizes.seconds, base=2 * number))
        bare.append(_rate(place, "bench-bare-", seconds=sizes.seconds, base=2 * number + 1))
        plain.append(_pgbench(place, seconds=max(1, round(sizes.seconds))))
    raw = {
        "commands/s": rounded(service),
        "bare FastAPI, commands/s": rounded(bare),
        "pgbench, transactions/s": rounded(plain),
    }
    yield Figure(
        name=f"single commands, {CLIENTS} clients ÷ pgbench -M prepared",
        ratio=ratio(service, plain),
        at_least=0.1,
        dream=0.2,
        raw=raw,
    )
    yield Figure(
        name="single commands ÷ a bare FastAPI route with the same SQL",
        ratio=ratio(service, bare),
        at_least=0.6,
        raw=raw,
    )


def _rate(place: Measured, prefix: str, *, seconds: float, base: int) -> float:
    url = urlsplit(place.description["url"])
    address = (str(url.hostname), int(url.port or 80))
    clients = [_puts(place, prefix, number=n, base=base) for n in range(CLIENTS)]
    return ask_all(address, clients, seconds=seconds).rate


def _puts(place: Measured, prefix: str, *, number: int, base: int) -> Iterator[bytes]:
    """A producer of its own for each client, since one may ask 1,000 times a second."""
    token = place.token(f"producer-{number}", scope="listings.write")
    price, chance = base * 1_000_000, random.Random(number)  # noqa: S311 — no secret
    members = members_of(CONTENT)
    while True:
        price += 1
        key = place.growth.key(chance.randrange(min(LISTINGS, place.listings)))
        body = exact_json.encode(members | {"ListPrice": price})
        yield request("PUT", f"/v1/listings/{prefix}{key}", token=token, body=body)


def _pgbench(place: Measured, *, seconds: int) -> float:
    host, port = place.description["primary"]
    password = Path(place.description["password_files"]["bukken_writer"]).read_text().strip()
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_script(place))
        script.flush()
        done = subprocess.run(
            [
                Path(place.description["programs"]) / "pgbench",
                *("-h", host, "-p", str(port), "-U", "bukken_writer", "-n", "-M", "prepared"),
                *("-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-f", script.name, "bukken"),
            ],
            env={"PGPASSWORD": password},
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout  # noqa: S101 — pgbench says it
    return float(found[1])


def _script(place: Measured) -> str:
    """The statements as command-api sends them; key and price vary here too."""
    prefix = place.growth.key(0).rstrip("0")
    varying = {"key": f"('{prefix}' || lpad(:number::text, 7, '0'))", "list_price": ":price"}
    lines = [
        f"\\set number random(0, {min(LISTINGS, place.listings) - 1})",
        "\\set price random(1, 1000000000)",
        "BEGIN;",
        *(f"{_as_sql(each, varying=varying)};" for each in (LOCK, write_of(price=0))),
        "COMMIT;",
    ]
    return "\n".join(lines)


def _as_sql(statement: Select[Any] | Update, *, varying: Mapping[str, str]) -> str:
    compiled = statement.compile(dialect=psycopg_dialect())  # type: ignore[no-untyped-call] # SQLAlchemy has no type for it
    values = {name: Literal(value).as_string() for name, value in compiled.params.items()}
    written: str = str(compiled) % {**values, **varying}
    return written.replace("\n", " ")
