"""query-api with what its reading is compared with, in the same worker: `-m benchmarks.query_side`.

`/v1/listings/bench-empty` is a Flask route that does nothing, and `/v1/listings/bench-usual-KEY`
the listing as it is usually done: an object of the ORM, made a dict, given to `jsonify`.
"""

import sys
from typing import Any

from flask import Flask, Response, jsonify
from sqlalchemy.orm import DeclarativeBase, Session

from bukken_contract import logs
from bukken_contract.listing import LISTING_FIELDS, wire_name
from bukken_contract.settings import load
from bukken_database.schema import listings
from query_api.server import Server
from query_api.settings import Settings

STAMPS = (
    "original_entry_timestamp",
    "modification_timestamp",
    "status_change_timestamp",
    "price_change_timestamp",
    "photos_change_timestamp",
)


class Base(DeclarativeBase):
    """The usual beginning."""


class ListingRow(Base):
    """The usual object of a row, without what is generated for the search."""

    __table__ = listings
    __mapper_args__ = {"exclude_properties": ["search_text", "place"]}  # noqa: RUF012 — SQLAlchemy's own form


class ComparedServer(Server):
    """The process as it is, with two routes more."""

    def load(self) -> Flask:
        """The app of the worker."""
        app = super().load()
        engine = app.extensions["database"]._reader._engine  # noqa: SLF001 — the same pool for both

        @app.get("/v1/listings/bench-empty")
        def empty() -> Response:
            return Response(status=204)

        @app.get("/v1/listings/bench-usual-<key>")
        def usual(key: str) -> Response:
            with Session(engine) as session:
                return jsonify(_members(session.get_one(ListingRow, key)))

        return app


def _members(row: Any) -> dict[str, object]:  # noqa: ANN401 — a mapped object has no typed columns
    names = ("listing_key", "version", *LISTING_FIELDS, *STAMPS)
    values = ((wire_name(name), getattr(row, name)) for name in names)
    return {name: value for name, value in values if value is not None}


def main() -> None:
    """Serves as query-api does."""
    settings = load(Settings, argv=sys.argv[1:], program="query_api")
    logs.configure(settings.log_level, service="query-api")
    ComparedServer(settings).run()


if __name__ == "__main__":
    main()
