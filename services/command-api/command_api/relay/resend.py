"""Sends parked inquiries again: `python -m command_api.relay.resend --help`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from sqlalchemy import text

from bukken_contract import logs
from bukken_contract.problems import DatabaseUnavailable
from bukken_contract.settings import load
from bukken_database.connections import writer_engine
from bukken_database.sessions import WriteDatabase, WriteSession
from command_api.relay.settings import Settings

# Due at once, and with a whole time of trying before it.
_RESEND: Final = text("""
    UPDATE bukken.inquiries
    SET state = 'pending', parked_at = NULL, due_at = clock_timestamp(),
        tried_since = clock_timestamp()
    WHERE state = 'parked' AND (inquiry_key = ANY(:keys) OR :every)
    RETURNING inquiry_key
""")


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes them due again and prints their keys; 1 if one that was named was not parked."""
    options = _parser().parse_args(arguments)
    settings = load(Settings, argv=[], program="command_api.relay.resend")
    logs.configure("warning", service="inquiry-relay")
    try:
        sent = asyncio.run(resend(settings, keys=options.keys, every=options.all))
    except DatabaseUnavailable as unavailable:
        sys.stderr.write(f"nothing was sent: {unavailable}\n")
        return 1
    sys.stdout.writelines(f"{key}\n" for key in sorted(sent))
    missing = sorted(set(options.keys) - sent)
    sys.stderr.writelines(f"{key}: no parked inquiry has this key\n" for key in missing)
    return 1 if missing else 0


async def resend(settings: Settings, *, keys: Sequence[str], every: bool) -> set[str]:
    """Makes parked inquiries due again; which.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    engine = writer_engine(settings, application="inquiry-resend")
    database = WriteDatabase(engine)

    async def work(session: WriteSession) -> set[str]:
        rows = await session.rows(_RESEND, values={"keys": list(keys), "every": every})
        await session.commit()
        return {row["inquiry_key"] for row in rows}

    try:
        return await database.run(work)
    finally:
        await database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m command_api.relay.resend", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("keys", nargs="*", default=[], metavar="InquiryKey", help="parked ones")
    which.add_argument("--all", action="store_true", help="every parked inquiry")
    return parser


if __name__ == "__main__":
    sys.exit(main())
