"""What the relay can be told."""

from pathlib import Path

from pydantic import Field, SecretStr

from bukken_contract.settings import ProcessSettings, secret
from bukken_database.roles import WRITER
from bukken_database.settings import DatabaseSettings


class Settings(DatabaseSettings, ProcessSettings):
    """Delivers accepted inquiries to the back end, each once in effect."""

    database_user: str = Field(WRITER, description="The role to connect as.")
    database_pool_size: int = Field(
        6, ge=2, le=100, description="Connections at most; Pods × this stays below the server's."
    )
    egress_url: str = Field(
        "http://127.0.0.1:9001", description="The way out: the Pod's own Envoy, for every call."
    )
    client_id: str = Field("inquiry-relay", description="Who it is to the issuer of tokens.")
    client_secret: SecretStr | None = Field(None, description="The client's secret.")
    client_secret_file: Path | None = Field(
        None, description="A file with the secret, read for each new token: it may rotate."
    )
    deliveries: int = Field(
        32, ge=1, description="Deliveries at once: not more than Envoy opens to the back end (32)."
    )
    give_up_hours: float = Field(
        24.0, gt=0, description="Tried in vain for so long, an inquiry is parked, and alarmed."
    )

    def secret_of_the_client(self) -> str:
        """The client's secret as it is now; empty if none was given."""
        return secret(self.client_secret, file=self.client_secret_file) or ""
