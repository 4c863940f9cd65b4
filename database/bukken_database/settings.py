"""Where the database is and who asks: the settings both services and the jobs have."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from bukken_contract.settings import secret


class DatabaseSettings(BaseSettings):
    """One database address, one role."""

    database_host: str = Field("127.0.0.1", description="The endpoint to connect to.")
    database_port: int = Field(5432, ge=1, le=65535, description="The endpoint's port.")
    database_name: str = Field("bukken", description="The database's name.")
    database_user: str = Field("bukken", description="The role to connect as.")
    database_password: SecretStr | None = Field(None, description="The role's password.")
    database_password_file: Path | None = Field(
        None, description="A file with the password, read for each new connection: it may rotate."
    )
    database_tls: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "prefer", description="How TLS is asked for, in libpq's words; verify-full in production."
    )
    database_ca_file: Path | None = Field(
        None, description="Certificates to trust, for verify-full (the RDS bundle)."
    )
    database_pool_size: int = Field(
        10, ge=1, le=100, description="Connections at most; Pods × this stays below the server's."
    )

    def database_secret(self) -> str | None:
        """The password as it is now."""
        return secret(self.database_password, file=self.database_password_file)
