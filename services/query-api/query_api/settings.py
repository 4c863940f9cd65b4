"""What query-api can be told."""

from pydantic import Field

from bukken_contract.own_writes import OwnWritesSettings
from bukken_contract.settings import ProcessSettings
from bukken_database.roles import READER
from bukken_database.settings import DatabaseSettings


class Settings(OwnWritesSettings, DatabaseSettings, ProcessSettings):
    """The query side of Bukken: answers what partners ask, and can write nothing."""

    database_user: str = Field(READER, description="The role to connect as.")
    # One for each thread: with fewer, a thread would wait for the pool while it holds a request
    # that another Pod could answer; more would never be used.
    database_pool_size: int = Field(
        8, ge=1, le=100, description="Connections at most; as many as threads, or some wait."
    )
    database_writer_host: str | None = Field(
        None, description="The writer's endpoint, for who must see an own write; none: 503 then."
    )
    database_writer_pool_size: int = Field(
        2, ge=1, le=100, description="Requests that may ask the writer at once, each a connection."
    )
    threads: int = Field(
        8, ge=2, le=100, description="Requests worked on at once, those for health included."
    )
