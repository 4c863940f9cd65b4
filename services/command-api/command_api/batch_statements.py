"""The statements that write the many listings of a chunk, each with one parameter.

The rows come as one JSON array, since its statement is the same for one row and for a hundred, and
PostgreSQL itself brings each member to its column's type: exact numbers stay exact. Why not
executemany? It cannot say which rows were inserted, and cost twice as much for each.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ARRAY, String, bindparam, func, select, text

from bukken_contract import exact_json
from bukken_contract.listing import LISTING_FIELDS
from bukken_database.schema import listings
from command_api.commands import PutListing
from command_api.handlers import LOCKED_COLUMNS
from command_api.rows import STAMPS, content_columns

_GUARD: Final = ("source_version", "source_digest")
_SENT: Final = (*LISTING_FIELDS, *_GUARD)
_ROWS: Final = "json_populate_recordset(CAST(NULL AS bukken.listings), CAST(:rows AS json))"

# In the order of the keys, as every chunk locks and inserts: two that met the other way round would
# wait for each other for ever.
LOCKED_ROWS: Final = (
    select(*LOCKED_COLUMNS)
    .where(listings.c.listing_key == func.any(bindparam("keys", type_=ARRAY(String))))
    .order_by(listings.c.listing_key)
    .with_for_update()
)


def _names(*names: str, of: str = "") -> str:
    return ", ".join(of + name for name in names)


def _stamp(name: str, *, was: str, otherwise: str) -> str:
    return f"CASE WHEN new.{name} IS DISTINCT FROM {was} THEN statement_timestamp() {otherwise}END"


# The names are the contract's own; what clients send is in the one parameter.
INSERT_ROWS: Final = text(
    f"INSERT INTO bukken.listings (listing_key, version, ever_visible, original_entry_timestamp,"  # noqa: S608 — see above
    f" modification_timestamp, {_names(*STAMPS.values())}, {_names(*_SENT)})"
    f" SELECT listing_key, 1, false, statement_timestamp(), statement_timestamp(),"
    f" {_names(*(_stamp(name, was='NULL', otherwise='') for name in STAMPS))}, {_names(*_SENT)}"
    f" FROM {_ROWS} AS new ORDER BY listing_key ON CONFLICT DO NOTHING RETURNING listing_key"
)
_STAMPED: Final = ", ".join(
    f"{stamp} = {_stamp(name, was=f'old.{name}', otherwise=f'ELSE old.{stamp} ')}"
    for name, stamp in STAMPS.items()
)
_REMEMBERED: Final = ", ".join(f"{name} = coalesce(new.{name}, old.{name})" for name in _GUARD)
# SET sees the row as it was: whether it was visible until now.
_SEEN: Final = "ever_visible = old.ever_visible OR coalesce(old.visible, false)"
UPDATE_ROWS: Final = text(
    f"UPDATE bukken.listings AS old SET ({_names(*LISTING_FIELDS)}) ="  # noqa: S608 — see above
    f" ROW ({_names(*LISTING_FIELDS, of='new.')}), version = old.version + 1,"
    f" {_SEEN}, removed_at = NULL, modification_timestamp = statement_timestamp(),"
    f" {_STAMPED}, {_REMEMBERED}"
    f" FROM {_ROWS} AS new WHERE old.listing_key = new.listing_key RETURNING old.listing_key"
)
# The listing is so already; only the number of its newest message is to be kept.
REMEMBER_ROWS: Final = text(
    f"UPDATE bukken.listings AS old SET {_SEEN}, {_REMEMBERED} FROM {_ROWS} AS new"  # noqa: S608 — see above
    " WHERE old.listing_key = new.listing_key RETURNING old.listing_key"
)


def rows_of(commands: Iterable[PutListing]) -> str:
    """The statements' parameter."""
    return exact_json.encode([_row(command) for command in commands]).decode()


def _row(command: PutListing) -> dict[str, Any]:
    version, digest = command.message.version, command.message.digest
    return content_columns(command.listing) | {
        "listing_key": command.listing_key,
        "source_version": version,
        "source_digest": None if digest is None else f"\\x{digest.hex()}",
    }
