"""What the issuer keeps from start to start: its signing key and its clients' secrets."""

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from joserfc.jwk import RSAKey

CLIENT_SCOPES: Mapping[str, tuple[str, ...]] = {
    "legacy-backend": ("listings.write", "inquiries.deliver"),
    "portal-a": ("listings.read", "inquiries.write"),
    "portal-b": ("listings.read", "inquiries.write"),
    "inquiry-relay": ("listings.read",),
}


def load_key(path: Path) -> RSAKey:
    """The signing key, made once, so that a token outlives a restart. Its id is its thumbprint."""
    key = RSAKey.import_key(kept(path, make=lambda: RSAKey.generate_key(2048).as_pem(private=True)))
    key.ensure_kid()
    return key


def load_clients(path: Path) -> dict[str, str]:
    """Each client's secret. The scopes are not kept: a client gains one with the next start.

    Nor is it kept who there is: a client that was added since the file was made gets its secret.
    """
    clients: dict[str, str] = json.loads(kept(path, make=_new_secrets))
    if missing := CLIENT_SCOPES.keys() - clients.keys():
        clients |= {client: secrets.token_urlsafe(32) for client in missing}
        _replace(path, json.dumps(clients, indent=2).encode())
    return clients


def kept(path: Path, *, make: Callable[[], bytes]) -> bytes:
    """A secret file's content; made when there is none.

    It appears whole or not at all, and when two start together both keep the first: a link
    refuses an existing name, where a rename would replace it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink()
    return path.read_bytes()


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(name).replace(path)


def _new_secrets() -> bytes:
    made = {client: secrets.token_urlsafe(32) for client in CLIENT_SCOPES}
    return json.dumps(made, indent=2).encode()
