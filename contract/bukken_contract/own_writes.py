"""The token with which a client that wrote sees its own write (architecture § 3, Read your writes).

It says which version of which listing was written and until when it is honoured, and is signed with
a secret both services share: a made-up version would hold up a thread of query-api, and send it to
the writer. The secret's file has a line for each secret: the first signs, all are accepted. To
rotate it, see docs/decisions/0019.
"""

import hmac
import logging
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from bukken_contract.problems import ConsistencyTokenRefused
from bukken_contract.settings import secret

log = logging.getLogger(__name__)

HEADER: Final = "Consistency-Token"

# Far beyond any lag that is bearable. A token is not kept for ever, since after a restore from a
# backup it names a version that nobody has: it would be 503 until the listing has caught up.
LIFETIME_SECONDS: Final = 300

_SEAL_BYTES: Final = 16


class OwnWritesSettings(BaseSettings):
    """What both sides must have in common."""

    consistency_secret: SecretStr | None = Field(
        None, description="Signs the tokens for reading one's own writes; none: no tokens."
    )
    consistency_secret_file: Path | None = Field(
        None, description="A file with it, read each time: the first line signs, all are accepted."
    )

    def consistency_secrets(self) -> str | None:
        """The secrets as they are now, one a line."""
        return secret(self.consistency_secret, file=self.consistency_secret_file)


class Write(NamedTuple):
    """A listing and the version that was written."""

    listing_key: str
    version: int


class Tokens:
    """Gives tokens, and knows its own again."""

    def __init__(self, secrets: Callable[[], str | None]) -> None:
        """The secrets, one a line, asked for each time; the first signs."""
        self._read = secrets
        self._last: tuple[bytes, ...] = ()

    def of(self, write: Write) -> str | None:
        """The token for a write, or None where no secret is set."""
        if not (secrets := self._secrets()):
            return None
        expires = int(time.time()) + LIFETIME_SECONDS
        text = f"{expires}.{write.version}.{write.listing_key}".encode()
        return _encoded(_seal(text, secret=secrets[0]) + text)

    def write_of(self, token: str) -> Write:
        """The write a token is for.

        Raises:
            ConsistencyTokenRefused: forged, of another exchange, or too old.
        """
        if not (secrets := self._secrets()):
            raise ConsistencyTokenRefused(f"no {HEADER} is given or taken here: no secret is set")
        seal, text = _taken_apart(token)
        seals = (_seal(text, secret=each) for each in secrets)
        if not any(hmac.compare_digest(seal, each) for each in seals):
            raise ConsistencyTokenRefused(f"the {HEADER} is none that was given here")
        expires, version, key = text.decode().split(".", 2)
        if int(expires) < time.time():
            raise ConsistencyTokenRefused(f"the {HEADER} has expired; ask without it")
        return Write(key, int(version))

    def _secrets(self) -> tuple[bytes, ...]:
        """As they are now; a file that is away for a moment must not fail a write that is done."""
        try:
            text = self._read() or ""
        except OSError as error:
            log.error("the consistency secrets cannot be read: %s", error.strerror)  # noqa: TRY400 — no stack is needed
            return self._last
        self._last = tuple(line.strip().encode() for line in text.splitlines() if line.strip())
        return self._last


def _seal(text: bytes, *, secret: bytes) -> bytes:
    return hmac.digest(secret, text, sha256)[:_SEAL_BYTES]


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _taken_apart(token: str) -> tuple[bytes, bytes]:
    """Seal and text; nothing of what was not written as we write it."""
    try:
        raw = b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if _encoded(raw) != token:
        raw = b""
    return raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
