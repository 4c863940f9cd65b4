"""What command-api can be told."""

from pydantic import Field

from bukken_contract.own_writes import OwnWritesSettings
from bukken_contract.settings import ProcessSettings
from bukken_database.roles import WRITER
from bukken_database.settings import DatabaseSettings


class Settings(OwnWritesSettings, DatabaseSettings, ProcessSettings):
    """The command side of Bukken: the only process that writes listings."""

    database_user: str = Field(WRITER, description="The role to connect as.")
    concurrency: int = Field(
        64, ge=2, description="Connections and requests at once: more than Envoy opens (48 + 4)."
    )
    batches: int = Field(
        4, ge=1, description="Batches at once: each is held in memory, at most 10 MiB."
    )
    # One of them is the sequencer's alone.
    database_pool_size: int = Field(
        10, ge=2, le=100, description="Connections at most; Pods × this stays below the server's."
    )
    feed_days: int = Field(
        30, ge=7, description="Changes can be asked for this long; who was away longer begins anew."
    )
    inquiry_days: int = Field(
        30, ge=7, description="An inquiry's person is forgotten so long after it was accepted."
    )
