"""What a platform is to a test, wherever it runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from waiting import wait_until

from bukken_local.issuer import tokens


class Platform(ABC):
    """A running platform: where it is, its clients, and what it said."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The load balancer's."""

    @property
    @abstractmethod
    def description(self) -> dict[str, Any]:
        """Everything's address, in the words of `bukken_local.platform`."""

    @property
    @abstractmethod
    def said(self) -> str:
        """What a failure shows."""

    @abstractmethod
    def logs(self) -> Mapping[str, str]:
        """All that each process has written, by its name."""

    def token(self, *scopes: str) -> str:
        """An access token, from the platform's issuer."""
        return tokens.fetch(self.description, scopes=scopes)

    def client(self, *scopes: str) -> httpx.Client:
        """Calls the platform with a token for these scopes."""
        headers = {"Authorization": f"Bearer {self.token(*scopes)}"} if scopes else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=20)

    def password_files(self) -> list[Path]:
        """Every database role's password."""
        return [Path(file) for file in self.description["database"]["password_files"].values()]

    def wait_until(self, condition: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Waits for a condition; a failure shows what the platform said."""
        wait_until(condition, seconds=seconds, what=lambda: f"{what}; it said:\n{self.said}")
