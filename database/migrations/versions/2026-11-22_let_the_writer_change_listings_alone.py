"""Let the writer change listings alone."""

from alembic import op

revision = "20261122_writer"
down_revision = "20261122_listings"


def upgrade() -> None:
    """By default the writer may change every table of ours: these two it may only read.

    Whoever has its password could otherwise have every Pod wait for a schema that never comes, or
    the next release's migrations pass over the tables they are to change. The code that is running
    writes neither.
    """
    op.execute(
        "REVOKE INSERT, UPDATE, DELETE ON bukken.schema_level, bukken.alembic_version "
        "FROM bukken_writer"
    )
