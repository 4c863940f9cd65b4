"""For operators, in a Pod of command-api: `python -m command_api.inquiries`.

parked           which inquiries were given up: key, since when, attempts, how the last one ended
resend KEY …     has these delivered after all; `resend all` every one that is parked
erase KEY …      takes the person out, when a portal cannot ask for it itself

Where the database is, the environment says, as it does to the service. No person is printed.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Update, exc, func, null, select, update

from bukken_contract.settings import load
from bukken_database.connections import job_engine
from bukken_database.inquiry_table import inquiries
from command_api.inquiry_handlers import ERASED
from command_api.settings import Settings

_PARKED: Final = (
    select(
        inquiries.c.inquiry_key,
        inquiries.c.parked_at,
        inquiries.c.attempts,
        inquiries.c.last_result,
    )
    .where(inquiries.c.state == "parked")
    .order_by(inquiries.c.parked_at)
)
# From now on for as long as a new one: the relay counts from `tried_since`.
_RESEND: Final = (
    update(inquiries)
    .where(inquiries.c.state == "parked")
    .values(
        state="pending",
        parked_at=null(),
        tried_since=func.clock_timestamp(),
        due_at=func.clock_timestamp(),
        claimed_by=null(),
        claimed_until=null(),
    )
    .returning(inquiries.c.inquiry_key)
)
_ERASE: Final = (
    update(inquiries)
    .where(inquiries.c.person_removed_at.is_(None))
    .values(ERASED)
    .returning(inquiries.c.inquiry_key)
)


def _parked(connection: Connection, _: Sequence[str]) -> int:
    for row in connection.execute(_PARKED):
        since = row.parked_at.isoformat(timespec="seconds")
        _say(f"{row.inquiry_key} {since} {row.attempts} {row.last_result}")
    return 0


def _resend(connection: Connection, keys: Sequence[str]) -> int:
    every = list(keys) == ["all"]
    statement = _RESEND if every else _RESEND.where(inquiries.c.inquiry_key.in_(keys))
    return _done(connection, statement, keys=[] if every else keys, otherwise="is not parked")


def _erase(connection: Connection, keys: Sequence[str]) -> int:
    statement = _ERASE.where(inquiries.c.inquiry_key.in_(keys))
    return _done(connection, statement, keys=keys, otherwise="is unknown, or erased already")


def _done(connection: Connection, statement: Update, *, keys: Sequence[str], otherwise: str) -> int:
    done = set(connection.execute(statement).scalars())
    for key in sorted(done):
        _say(f"{key} done")
    for key in sorted(set(keys) - done):
        _say(f"{key} {otherwise}")
    return 1 if set(keys) - done else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


_JOBS: Final[Mapping[str, Callable[[Connection, Sequence[str]], int]]] = {
    "parked": _parked,
    "resend": _resend,
    "erase": _erase,
}


def main(argv: Sequence[str]) -> int:
    """Does the job named first with the keys that follow; returns the exit status."""
    job, keys = (_JOBS.get(argv[0]), argv[1:]) if argv else (None, [])
    if job is None or bool(keys) == (job is _parked):
        sys.stderr.write(__doc__ or "")
        return 2
    settings = load(Settings, argv=[], program="command_api.inquiries")
    engine = job_engine(settings, application="command-api-operator")
    try:
        with engine.begin() as connection:
            return job(connection, keys)
    except exc.SQLAlchemyError as error:
        sys.stderr.write(f"the database did not do it: {type(error).__name__}\n")
        return 1
    finally:
        engine.dispose()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
