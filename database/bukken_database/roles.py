"""Who may do what: each process can do its work and no more."""

from typing import Final

MASTER: Final = "bukken_master"
"""Makes the others, once; no process that serves ever has its secret."""

MIGRATOR: Final = "bukken_migrator"
"""Owns the schema."""

WRITER: Final = "bukken_writer"
"""Changes rows."""

READER: Final = "bukken_reader"
"""Sees them."""

ROLES: Final = (MIGRATOR, WRITER, READER)
