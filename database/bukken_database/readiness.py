"""Whether this is the database a process can work with: its encoding, its locale, its schema.

And whether its sidecar has the keys that tokens are checked with.

Asked until the answer is yes, once. After that an outage of the database does not make a Pod
unready: it would take every Pod out together, where a request answered 503 in a moment takes none.
"""

import logging
from typing import Any, Final

from sqlalchemy import RowMapping, Select, column, func, literal_column, select, table

from bukken_contract.sidecar import has_keys, undrain
from bukken_database.failures import sqlstate_of
from bukken_database.schema import SCHEMA_LEVEL, schema_level

log = logging.getLogger(__name__)

# Below the second in which Envoy asks again.
ASK_AGAIN_SECONDS: Final = 0.5

# Another locale sorts keys otherwise on the two sides of an upgrade, and finds no Japanese word:
# under LC_CTYPE C, `lower()` and pg_trgm know ASCII alone.
NEEDED_LOCALE: Final = "C.UTF-8"

_database: Final = table(
    "pg_database", column("datname"), column("encoding"), column("datcollate"), column("datctype")
)

FACTS: Final[Select[Any]] = select(
    func.pg_encoding_to_char(_database.c.encoding).label("encoding"),
    _database.c.datcollate.label("collate"),
    _database.c.datctype.label("ctype"),
    select(func.max(schema_level.c.level)).scalar_subquery().label("level"),
).where(_database.c.datname == literal_column("current_database()"))

# undefined_table, invalid_schema_name, invalid_catalog_name, insufficient_privilege, and a role
# or password that bootstrap has not made yet.
_NOT_YET: Final = {"42P01", "3F000", "3D000", "42501", "28P01", "28000"}


def obstacle(facts: RowMapping | None) -> str | None:
    """Why a process cannot work with a database of these facts, or None when it can."""
    if facts is None or (facts["level"] or 0) < SCHEMA_LEVEL:
        found = facts["level"] if facts else None
        return f"the schema is at level {found or 0}; {SCHEMA_LEVEL} is needed: run the migrations"
    if facts["encoding"] != "UTF8":
        return f"the database's encoding is {facts['encoding']}; UTF8 is needed"
    if {facts["collate"], facts["ctype"]} != {NEEDED_LOCALE}:
        found = f"{facts['collate']} and {facts['ctype']}"
        return f"the database's collation and ctype are {found}; {NEEDED_LOCALE} is needed"
    return None


def obstacle_of(error: BaseException) -> str:
    """Why the question could not be asked, in words an operator can act on."""
    name = type(error).__name__
    if sqlstate_of(error) in _NOT_YET:
        missing = "the database is there, its roles or schema are not"
        return f"{missing}: run bootstrap and migrations ({name})"
    return f"no database answers ({name})"


class Readiness:
    """What a process waits for before it serves, in the hands of the loop that asks."""

    def __init__(self, *, admin_url: str) -> None:
        self._admin_url = admin_url
        self.waits_for: str | None = "the database has not been asked yet"

    def must_wait(self, found: str | None) -> bool:
        """Whether to ask again; each obstacle is logged once, and not at every question.

        Without one, Envoy is told, and then the process is ready: Envoy must not see a healthy app
        while it is still drained.
        """
        if found is None and not has_keys(self._admin_url):
            found = "the sidecar has no keys to check tokens with: does the issuer answer?"
        if found is None:
            undrain(self._admin_url)
            log.info("ready")
        elif found != self.waits_for:
            log.warning("not ready: %s", found)
        self.waits_for = found
        return found is not None
