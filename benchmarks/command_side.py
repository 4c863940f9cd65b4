"""command-api with a bare FastAPI route beside its own: `python -m benchmarks.command_side`.

`PUT /v1/listings/bench-bare-KEY` takes JSON without a look at it, and changes the listing by the
statements of `put_listing`, over the same pool.
"""

import json
import sys
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy import Update

from bukken_contract import logs
from bukken_contract.listing import Listing
from bukken_contract.settings import load
from bukken_database.schema import listings
from command_api import handlers
from command_api.__main__ import server_config
from command_api.rows import NOW, content_columns
from command_api.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

# What is written, but for its price.
CONTENT: Final = Listing(
    standard_status="Active",
    property_type="Residential",
    property_sub_type="Condominium",
    originating_system_name="国土交通省 不動産取引価格情報",
    list_price=Decimal(1),
    currency="JPY",
    close_date=date(2021, 12, 31),
    country="JP",
    state_or_province="東京都",
    city="世田谷区",
    municipality_code="13112",
    subdivision_name="三軒茶屋",
    nearest_station="三軒茶屋",
    walking_minutes=5,
    bedrooms_total=3,
    floor_plan="３ＬＤＫ",
    living_area=Decimal("72.5"),
    living_area_units="SquareMeters",
    year_built=2012,
    zoning="第１種住居地域",
    public_remarks="日当たり良好です。 角部屋につき通風良好。 ペット可（小型犬）。",
)
LOCK: Final = handlers._LOCKED  # noqa: SLF001 — the statements are the subject
_WRITE: Final = handlers._UPDATE.values(modification_timestamp=NOW, price_change_timestamp=NOW)  # noqa: SLF001 — the same


def write_of(*, price: int) -> Update:
    """The second statement, with its values in it."""
    values = content_columns(CONTENT) | {"list_price": Decimal(price)}
    return _WRITE.values(version=listings.c.version + 1, **values)


def main() -> None:
    """Serves as command-api does."""
    settings = load(Settings, argv=sys.argv[1:], program="command_api")
    logs.configure(settings.log_level, service="command-api")
    config = server_config(settings)
    assert isinstance(config.app, FastAPI)  # noqa: S101 — it is made there
    _add_bare_route(config.app)
    uvicorn.Server(config).run()


def _add_bare_route(app: FastAPI) -> None:
    engine: AsyncEngine = app.state.work._database._engine  # noqa: SLF001 — the same pool for both

    @app.put("/v1/listings/bench-bare-{key}")
    async def bare(key: str, request: Request) -> dict[str, Any]:
        members = json.loads(await request.body())
        values = content_columns(CONTENT) | {"list_price": Decimal(members["ListPrice"])}
        async with engine.connect() as connection:
            row = (await connection.execute(LOCK, {"key": key})).one()
            written = values | {"key": key, "version": row.version + 1}
            await connection.execute(_WRITE, written)
            await connection.commit()
        return {"ListingKey": key, "Version": row.version + 1}

    app.router.routes.insert(0, app.router.routes.pop())  # before the one of any key


if __name__ == "__main__":
    main()
